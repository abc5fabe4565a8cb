import { describe, expect, it } from "vitest";
import { createProxyTarget } from "../../test/support/proxy-targets.ts";
import type { Admission, Candidate, Grant } from "../budgets/admission.ts";
import { admitted } from "./admitted.ts";

const request = { messages: [{ role: "user", content: "hi" }] };
const priced = (index: number, input_cost: number, output_cost: number, description?: string) =>
  createProxyTarget(index, { options: { input_cost, output_cost, max_tokens: 7 }, description });

function granting(grant: Partial<Grant>) {
  const asked: Candidate[] = [];
  const full: Grant = {
    excludedProviders: new Set(),
    isCheapestOnly: false,
    expected: { inputTokens: 1_000, outputTokens: 10 },
    ...grant,
  };
  const admission: Admission = {
    admit(_, candidates) {
      asked.push(...candidates);
      return full;
    },
    settle: () => undefined,
  };
  return { admission, asked };
}

const left = async (targets: Parameters<typeof admitted>[1], grant: Partial<Grant>) =>
  (await admitted(request, targets, granting(grant).admission)).map(({ index }) => index);

describe("what a budget leaves of the targets", () => {
  const targets = [priced(0, 10, 1), priced(1, 1, 100), priced(2, 1, 100), createProxyTarget(3)];

  it("is told what it has to know of them", async () => {
    const { admission, asked } = granting({});
    await admitted(request, targets.slice(0, 1), admission);
    expect(asked).toEqual([
      { provider: "openai", name: "openai/m0", price: targets[0]?.price?.price, maxTokens: 7 },
    ]);
  });

  it("is all of them, or those of the providers that have room", async () => {
    expect(await left(targets, {})).toEqual([0, 1, 2, 3]);
    expect(await left(targets, { excludedProviders: new Set(["azure"]) })).toEqual([0, 1, 2, 3]);
    expect(await left(targets, { excludedProviders: new Set(["openai"]) })).toEqual([]);
  });

  it("is the cheapest for what the request is expected to use, and its equals", async () => {
    expect(await left(targets, { isCheapestOnly: true })).toEqual([1, 2]);
    const long = { inputTokens: 10, outputTokens: 1_000 };
    expect(await left(targets, { isCheapestOnly: true, expected: long })).toEqual([0]);
  });

  it("stays within one group, so that meaning does not leave nothing", async () => {
    const groups = [priced(0, 1, 1, "python"), priced(1, 1, 1, "CATCHALL"), priced(2, 1, 1, "python")];
    expect(await left(groups, { isCheapestOnly: true })).toEqual([0, 2]);
  });

  it("is all of them where no price is known", async () => {
    const unknown = [createProxyTarget(0), createProxyTarget(1)];
    expect(await left(unknown, { isCheapestOnly: true })).toEqual([0, 1]);
  });
});
