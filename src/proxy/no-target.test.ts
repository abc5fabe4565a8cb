import { describe, expect, it } from "vitest";
import { startChat } from "../../test/support/chat.ts";
import { countWords } from "../../test/support/count-words.ts";
import { createExchange } from "../../test/support/exchange.ts";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { createFakeUpstream } from "../../test/support/fake-upstream.ts";
import { rejectionOf } from "../../test/support/gateway-errors.ts";
import { createProxySettings, createProxyTarget } from "../../test/support/proxy-targets.ts";
import type { TargetPool } from "../balancer/pool.ts";
import { UpstreamError } from "../http/upstream-error.ts";
import type { RoutingDecision } from "../llm/routing-decision.ts";
import { proxyChat } from "./chat-proxy.ts";
import { noTarget, unavailableTargets } from "./no-target.ts";
import type { ProxyTarget } from "./target.ts";

const decision = (within: boolean): RoutingDecision => ({
  reason: "no_match",
  threshold: 0.7,
  groups: [{ description: "python", targets: ["a"], distance: 0.5, within }],
});

describe("noTarget", () => {
  it("says when to come back, in whole seconds and never 0", () => {
    for (const [retryInMs, seconds] of [
      [0, 1],
      [1, 1],
      [9_001, 10],
    ] as const) {
      const error = noTarget({ retryInMs }, undefined, 3);
      expect(error).toMatchObject({ status: 503, code: "no_healthy_target", retryAfterSeconds: seconds });
      expect(error.message).toBe(
        `no target is available: all 3 targets that may answer are left out after failures; try again in ${seconds} s`,
      );
    }
    expect(noTarget({ retryInMs: 1 }, undefined, 1).message).toContain(
      "the only target is left out after failures",
    );
  });

  it("promises nothing where waiting does not help", () => {
    const error = noTarget({ retryInMs: undefined }, undefined, 2);
    expect(error).toMatchObject({ code: "no_healthy_target", retryAfterSeconds: undefined });
  });

  it("tells a prompt that matches nothing from one whose group is left out", () => {
    expect(noTarget({ retryInMs: undefined }, decision(false), 2).code).toBe("no_target");
    expect(noTarget({ retryInMs: 500 }, decision(true), 2).code).toBe("no_healthy_target");
  });
});

describe("unavailableTargets", () => {
  it("names the candidates that are left out, and why", () => {
    const targets = [0, 1, 2, 3, 4, 5].map((index) => createProxyTarget(index));
    const base = {
      weight: 1,
      failures: 0,
      inFlight: 0,
      attempts: 0,
      failed: 0,
      scores: {},
      healthy: undefined,
    };
    const states = [
      { breaker: "open", retryInMs: 900.4 },
      { breaker: "half-open", retryInMs: 0 },
      { breaker: "closed", retryInMs: 30 },
      { breaker: "closed", retryInMs: 0, healthy: false },
      { breaker: "closed", retryInMs: 0, healthy: true },
      { breaker: "open", retryInMs: 7 },
    ] as const;
    const pool = {
      status: () => states.map((state, index) => ({ ...base, index, name: `t${index}`, ...state })),
    } as unknown as TargetPool<ProxyTarget>; // no more of it is looked at
    expect(unavailableTargets(pool, targets.slice(0, 5))).toEqual([
      { target: "t0", state: "open", retry_in_ms: 900 },
      { target: "t1", state: "half-open", retry_in_ms: 0 },
      { target: "t2", state: "cooling", retry_in_ms: 30 },
      { target: "t3", state: "unhealthy", retry_in_ms: 0 },
    ]);
  });
});

describe("a request all of whose targets are left out", () => {
  it("is a 503 with Retry-After that tries nobody, until the time has passed", async () => {
    const clock = createFakeClock();
    const targets = [createProxyTarget(0), createProxyTarget(1)];
    const settings = createProxySettings(targets, { maxFails: 1 }, clock);
    const down = () => new UpstreamError("error", false, new Error("x"));
    const upstream = createFakeUpstream([down(), down(), down(), down()]);
    const services = { ...clock, wallClock: () => 0, countTokens: countWords, upstream };
    const ask = () => {
      const exchange = createExchange({ body: { messages: [{ role: "user", content: "hi" }] } });
      return { exchange, error: rejectionOf(proxyChat(exchange, settings, services)) };
    };
    expect(await ask().error).toMatchObject({ status: 502 });
    await clock.advance(4_000);
    const refused = ask();
    expect(await refused.error).toMatchObject({ status: 503, retryAfterSeconds: 6 });
    expect(upstream.calls).toHaveLength(2);
    expect(refused.exchange.ai).toMatchObject({
      tried: [],
      unavailable: [
        { target: "openai/m0", state: "open", retry_in_ms: 6000 },
        { target: "openai/m1", state: "open", retry_in_ms: 6000 },
      ],
    });
    await clock.advance(6_000);
    expect(await ask().error).toMatchObject({ status: 502 });
    expect(upstream.calls).toHaveLength(4);
  });

  it("is not one where some were tried: then the last of them is told of", async () => {
    const chat = startChat([createProxyTarget(0)], {
      answers: [{ status: 500, body: { error: { message: "words" } } }],
      criteria: ["http_500", "non_idempotent"],
      maxFails: 1,
    });
    expect((await chat.reply).status).toBe(500);
    expect(chat.exchange.ai).not.toHaveProperty("unavailable");
  });
});
