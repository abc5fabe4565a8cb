import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFakeMemory } from "../../../test/support/balancing.ts";
import {
  e2e,
  failed,
  ok,
  startLatency as start,
  three,
  two,
} from "../../../test/support/latency-balancer.ts";
import type { Outcome, Target } from "../balancer.ts";

describe("lowest-latency and attempts that come to nothing", () => {
  it.each(["error", "timeout", "invalid_header", "unusable", "stream", "http_500", "http_429"] as const)(
    "leaves a target that fails fast: %s",
    (failure) => {
      const { run, pick } = start(two);
      run(0, ok(100));
      run(1, ok(200));
      expect(pick()).toBe(0);
      run(0, failed(failure));
      expect(pick()).toBe(1);
    },
  );

  it("counts failures in a row up to the read timeout and no further", () => {
    const { run, about } = start(two, { ...e2e, readTimeoutMs: 30_000 });
    run(0, ok(100));
    run(0, failed("error"));
    expect(about(0)["e2e_ms"]).toBeCloseTo(300, 0);
    for (let count = 0; count < 20; count++) run(0, failed("error"));
    expect(about(0)["e2e_ms"]).toBe(30_000);
  });

  it("takes a target whose first attempt failed for as slow as the read timeout", () => {
    const { run, about } = start(two, { ...e2e, readTimeoutMs: 30_000 });
    run(0, failed("error"));
    expect(about(0)["e2e_ms"]).toBe(30_000);
  });

  it("comes back to a target that has recovered", () => {
    const { run, pick, pass } = start(two);
    run(1, ok(200));
    for (let count = 0; count < 10; count++) run(0, failed("http_503"));
    let last: number[] = [];
    for (let count = 0; count < 1000; count++) {
      pass(100);
      const index = pick();
      run(index, ok(index === 0 ? 100 : 200));
      last = [...last.slice(-99), index];
    }
    expect(last.filter((index) => index === 0).length).toBeGreaterThan(80);
  });

  it("does not blame a target for a request that is wrong", () => {
    const { run, about } = start(two);
    run(0, ok(100));
    run(0, failed("http_400"));
    run(0, failed("http_422", 9000));
    expect(about(0)["e2e_ms"]).toBe(100);
  });

  it("lets a client that leaves raise the average and never lower it", () => {
    const { run, about } = start(two);
    run(0, ok(1000));
    run(0, { ok: false, aborted: true, latencyMs: 5 });
    expect(about(0)["e2e_ms"]).toBe(1000);
    run(0, { ok: false, aborted: true, latencyMs: 30_000 });
    expect(about(0)["e2e_ms"]).toBeGreaterThanOrEqual(10_000);
  });

  it("goes elsewhere after a target whose clients leave before anything is known of it", () => {
    const { run, pick, pass } = start(two);
    run(0, ok(1000));
    const picks = Array.from({ length: 60 }, () => {
      pass(2000);
      const index = pick();
      run(index, index === 0 ? ok(1000) : { ok: false, aborted: true, latencyMs: 30_000 });
      return index;
    });
    expect(picks.filter((index) => index === 0).length).toBeGreaterThan(50);
  });

  it("leaves a target that hangs before the first attempt has timed out", () => {
    const { run, pick, begin, pass } = start(two);
    run(0, ok(100));
    run(1, ok(200));
    begin(0);
    pass(250);
    expect(pick()).toBe(1);
  });
});

describe("lowest-latency and attempts in flight", () => {
  it("spreads a burst beyond what a target was seen to bear", () => {
    const { run, pickAndBegin } = start(two);
    run(0, ok(100));
    run(1, ok(200));
    const picks = Array.from({ length: 30 }, pickAndBegin);
    expect(picks.filter((index) => index === 0).length).toBe(20);
  });

  it("leaves all to the best once it has borne as many without being slowed", () => {
    const { run, begin, end, pass, pickAndBegin } = start(two);
    run(1, ok(200));
    for (let count = 0; count < 30; count++) begin(0);
    pass(100);
    for (let count = 0; count < 30; count++) end(0, ok(100));
    expect(new Set(Array.from({ length: 30 }, pickAndBegin))).toEqual(new Set([0]));
  });

  it("counts an attempt that ends after a reload on the same target", () => {
    const memory = createFakeMemory();
    const old = start(two, e2e, memory);
    old.run(0, ok(100));
    old.run(1, ok(150));
    old.begin(0);
    const next = start(two, e2e, memory);
    expect(next.pick()).toBe(1);
    old.end(0, ok(0));
    expect(next.about(0)["score"]).toBeLessThan(150);
    expect(next.pick()).toBe(0);
  });
});

describe("lowest-latency over any course of events", () => {
  const outcomes = fc.oneof(
    fc.record({ ok: fc.constant(true), latencyMs: fc.nat(1e6) }),
    fc.record({
      ok: fc.constant(true),
      latencyMs: fc.nat(1e6),
      usage: fc.record({ inputTokens: fc.nat(9), outputTokens: fc.nat(9) }),
    }),
    fc.record({
      ok: fc.constant(false),
      latencyMs: fc.nat(1e6),
      failure: fc.constantFrom("timeout", "http_400"),
    }),
    fc.record({ ok: fc.constant(false), latencyMs: fc.nat(1e6), aborted: fc.constant(true as const) }),
  ) as fc.Arbitrary<Outcome>;
  const events = fc.array(
    fc.record({ target: fc.nat(2), begins: fc.boolean(), pause: fc.nat(1e6), outcome: outcomes }),
    { maxLength: 60 },
  );

  it("has scores that can be compared, and remembers a fixed amount", () => {
    fc.assert(
      fc.property(events, fc.constantFrom("tpot" as const, "e2e" as const), (list, latencyStrategy) => {
        const states: object[] = [];
        const memory = createFakeMemory();
        const spied = {
          ...memory,
          of<State extends object>(target: Target, create: () => State): State {
            const state = memory.of(target, create);
            states.push(state);
            return state;
          },
        };
        const { begin, end, pass, pick, about } = start(three, { latencyStrategy }, spied);
        const size = () =>
          JSON.stringify(states, (_key, value) => (typeof value === "number" ? 0 : value)).length;
        for (const event of list) {
          pass(event.pause);
          if (event.begins) begin(event.target);
          else end(event.target, event.outcome);
          expect(pick()).toBeGreaterThanOrEqual(0);
          for (const index of [0, 1, 2]) expect(about(index)["score"]).toBeGreaterThanOrEqual(0);
        }
        expect(size()).toBeLessThan(600);
      }),
    );
  });

  it("is back to nothing in flight when all has ended", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(1000), fc.nat(1000)), { minLength: 1, maxLength: 30 }),
        (attempts) => {
          const { begin, end, pass, about, run } = start(two.slice(0, 1));
          run(0, ok(100));
          for (const [pause] of attempts) {
            pass(pause);
            begin(0);
          }
          for (const [, pause] of attempts) {
            pass(pause);
            end(0, { ok: false, aborted: true, latencyMs: 0 });
          }
          expect(about(0)).toEqual({ e2e_ms: 100, score: 100 });
        },
      ),
    );
  });
});
