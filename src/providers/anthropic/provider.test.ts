import { describe, expect, it } from "vitest";
import { describeProvider, upstreamModel } from "../provider.contract.ts";
import { anthropic } from "./provider.ts";

const model = upstreamModel("claude-sonnet-4-5", { anthropic_version: "2023-06-01" });

describeProvider(anthropic, model);

describe("anthropic", () => {
  it("is reached at the vendor's own address, with the version the config names", () => {
    expect(anthropic.endpoint("chat", model)).toBe("https://api.anthropic.com:443/v1/messages");
    expect(anthropic.headers?.(model)).toEqual({ "anthropic-version": "2023-06-01" });
    expect(anthropic.requiredOptions).toEqual(["anthropic_version"]);
  });
});
