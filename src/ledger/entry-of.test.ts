import { describe, expect, it } from "vitest";
import { createTriedTarget } from "../../test/support/access-records.ts";
import type { AiFacts, TriedTarget } from "../llm/ai-facts.ts";
import type { AccessRecord } from "../telemetry/access-record.ts";
import { entryOf } from "./entry-of.ts";

const usage = { inputTokens: 100, outputTokens: 20, cachedInputTokens: 40, reasoningTokens: 5 };

const tried = (model: string, facts: Partial<TriedTarget> = {}): TriedTarget =>
  createTriedTarget({ provider: "acme", model, latency_ms: 12.5, ...facts });

const spent = (costUsd?: number, more: object = {}): Pick<TriedTarget, "spend"> => ({
  spend: {
    usage: { ...usage, ...more },
    ...(costUsd !== undefined && { costUsd, priceSource: "config" as const }),
  },
});

function entry(facts: Partial<AiFacts>, record: Partial<AccessRecord> = {}) {
  const ai = {
    pluginId: "plugin-1",
    algorithm: "semantic",
    routeType: "llm/v1/chat",
    mode: "oneshot",
    tried: [tried("m", spent(0.0015))],
    ...facts,
  } as AiFacts; // the rest is for metrics
  const whole = {
    request: { id: "request-1" },
    response: { status: 200 },
    latencies: { request: 120 },
    started_at: 1_700_000_000_000,
    route: { name: "chat" },
    ...record,
  } as AccessRecord; // the rest is for people
  return entryOf(whole, ai);
}

describe("the entry of an exchange", () => {
  it("has its time, its place, and what its attempt used and cost", () => {
    expect(entry({ timeToFirstTokenMs: 80 })).toMatchObject({
      id: "request-1",
      timeMs: 1_700_000_000_000,
      route: "chat",
      pluginId: "plugin-1",
      algorithm: "semantic",
      operation: "llm/v1/chat",
      mode: "oneshot",
      status: 200,
      outcome: "ok",
      latencyMs: 120,
      timeToFirstTokenMs: 80,
      isEstimated: false,
      attempts: [
        {
          index: 0,
          provider: "acme",
          model: "m",
          target: "acme/m",
          tokens: { input: 100, output: 20, cachedRead: 40, reasoning: 5 },
          costNanoUsd: 1_500_000,
          priceSource: "config",
          isEstimated: false,
          latencyMs: 12.5,
        },
      ],
    });
  });

  it("has every attempt that used something, and the one that ended it", () => {
    const facts = {
      tried: [
        tried("refused", { failure: "refused" }),
        tried("cut", { failure: "stream_cut", ...spent(0.001, { estimated: true }) }),
        tried("silent", { failure: "read_timeout" }),
        tried("last", spent(0.002)),
      ],
    };
    const { attempts, isEstimated } = entry(facts);
    expect(attempts.map(({ index, costNanoUsd, failure }) => [index, costNanoUsd, failure])).toEqual([
      [1, 1_000_000, "stream_cut"],
      [2, undefined, "read_timeout"], // it was sent, and may have been answered
      [3, 2_000_000, undefined],
    ]);
    expect(isEstimated).toBe(true);
    const failed = entry(
      { tried: facts.tried.slice(0, 3) },
      { response: { status: 504 } as AccessRecord["response"] },
    );
    expect(failed.outcome).toBe("failed");
    expect(failed.attempts.map(({ model, costNanoUsd }) => [model, costNanoUsd])).toEqual([
      ["cut", 1_000_000],
      ["silent", undefined],
    ]);
    const free = entry({ tried: [tried("busy", { status: 429, failure: "http_429" })] });
    expect(free.attempts.map(({ costNanoUsd }) => costNanoUsd)).toEqual([0]);
  });

  it("does not take an unknown price for nothing", () => {
    expect(entry({ tried: [tried("m", spent())] }).attempts[0]).toMatchObject({ costNanoUsd: undefined });
    const baselines = [
      { name: "strongest", costPicoUsd: undefined },
      { name: "cheapest", costPicoUsd: 1_499 },
    ];
    expect(entry({ baselines }).baselines).toEqual([
      { name: "strongest", costNanoUsd: undefined },
      { name: "cheapest", costNanoUsd: 1 },
    ]);
  });

  it.each<[string, Partial<AiFacts>, Partial<AccessRecord>]>([
    ["aborted", {}, { client_aborted: true }],
    ["refused", { tried: [] }, { response: { status: 503 } as AccessRecord["response"] }],
    ["failed", { streamError: "stream_cut" }, {}],
    ["failed", {}, { error: "the upstream closed" }],
  ])("ends as %s", (outcome, facts, record) => expect(entry(facts, record).outcome).toBe(outcome));

  it("tells what routing decided and cost: nothing where nothing was embedded, unknown where nobody knows", () => {
    const groups = [{ description: "python", targets: ["acme/m"], distance: 0.2, within: true }];
    const embedding = { model: "local", cached: false, latencyMs: 1 };
    const decision = { reason: "matched", groups, threshold: 0.7, margin: 0.1 } as const;
    expect(entry({ decision })).toMatchObject({
      decision: { reason: "matched", group: "python", distance: 0.2, threshold: 0.7, margin: 0.1 },
      routingCostNanoUsd: 0,
    });
    expect(entry({ decision: { ...decision, embedding: { ...embedding, costUsd: 2e-8 } } })).toMatchObject({
      routingCostNanoUsd: 20,
    });
    expect(entry({ decision: { ...decision, embedding } }).routingCostNanoUsd).toBeUndefined();
    expect(entry({ decision: { ...decision, reason: "catchall" } }).decision?.group).toBeUndefined();
  });

  it("says into which arm chance has put it", () => {
    expect(entry({}).arm).toBeUndefined();
    expect(entry({ isHeldOut: true }).arm).toBe("holdout");
    expect(entry({ isHeldOut: false }).arm).toBe("routed");
  });

  it("names the consumer as people do", () => {
    const consumer = { id: "1", username: "alice", custom_id: "x" };
    expect(entry({}, { consumer }).consumer).toBe("alice");
  });
});
