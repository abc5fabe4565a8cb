import { describe, expect, it } from "vitest";
import type { TargetStatus } from "../balancer/pool.ts";
import { decisionInWords, targetsInWords } from "./explanation-words.ts";

const target = (more: Partial<TargetStatus> = {}): TargetStatus => ({
  index: 0,
  name: "openai/gpt-4o",
  weight: 100,
  breaker: "closed",
  failures: 0,
  retryInMs: 0,
  healthy: undefined,
  inFlight: 0,
  attempts: 0,
  failed: 0,
  scores: {},
  ...more,
});
const stateOf = (more: Partial<TargetStatus>) =>
  / {2}openai\/gpt-4o {5}100 {2}(.+?) {2,}\d/.exec(targetsInWords([target(more)]))?.[1];

describe("the table of targets", () => {
  it("has a row for each, with its numbers to the right and its scores shortened", () => {
    const text = targetsInWords([
      target({ inFlight: 12, scores: { tpot_ms: 12.34567, score: 0.123456 } }),
      target({ name: "a/b", weight: 5, scores: { total_tokens: 1234567.8, slots: 70_000 } }),
    ]);
    expect(text.split("\n")).toEqual([
      "  targets        weight  state   in flight  scores",
      "  openai/gpt-4o     100  in use         12  tpot_ms 12.35, score 0.1235",
      "  a/b                 5  in use          0  total_tokens 1234568, slots 70000",
    ]);
  });

  it.each<[Partial<TargetStatus>, string]>([
    [{}, "in use"],
    [{ breaker: "off", healthy: true }, "in use"],
    [{ failures: 1 }, "in use, 1 failure"],
    [{ breaker: "open", failures: 3, retryInMs: 4_150 }, "open, 3 failures, retry in 4.2 s"],
    [{ breaker: "open", failures: 3, retryInMs: 1 }, "open, 3 failures, retry in 0.1 s"],
    [{ breaker: "half-open", failures: 3 }, "half-open, 3 failures"],
    [{ healthy: false, breaker: "open", failures: 3, retryInMs: 4_150 }, "unhealthy"],
    [{ retryInMs: 11_001 }, "asked to be left alone for 12 s"],
  ])("says of %j: %s", (status, words) => {
    expect(stateOf(status)).toBe(words);
  });
});

describe("a decision in words", () => {
  const explanation = {
    plugin: "ai-proxy",
    pluginId: "p-1",
    algorithm: "round-robin",
    decision: { reason: "balanced", groups: [] } as const,
    target: "openai/gpt-4o",
    targets: [],
  };

  it("names the plugin, the reason and the target", () => {
    expect(decisionInWords(explanation, false)).toBe(
      "ai-proxy (round-robin)\nwhy        balanced: this algorithm does not look at the prompt\ntarget     openai/gpt-4o",
    );
  });

  it("tells one of several by its id, whom it was decided by, and the error instead of a target", () => {
    const error = { status: 503, message: "no target is available" };
    const text = decisionInWords({ ...explanation, target: undefined, error, worker: 2 }, true);
    expect(text).toMatch(/^ai-proxy p-1 \(round-robin\)\n/);
    expect(text).toContain("\ntarget     none: 503 no target is available\n");
    expect(text).toMatch(/\ndecided by worker 2$/);
  });
});
