import { describe, expect, it } from "vitest";
import { createFakeMemory, createTargets } from "../../../test/support/balancing.ts";
import {
  e2e,
  failed,
  ok,
  startLatency as start,
  three,
  two,
  wrote,
} from "../../../test/support/latency-balancer.ts";
import { describeBalancer } from "../balancer.contract.ts";
import { lowestLatency } from "./lowest-latency.ts";

for (const latencyStrategy of ["tpot", "e2e"] as const) {
  describeBalancer(`lowest-latency by ${latencyStrategy}`, {
    create: (targets, { settings, services }) =>
      lowestLatency.create({ ...settings, latencyStrategy }, targets, services),
  });
}

describe("lowest-latency", () => {
  it("sends to the target that has answered fastest", () => {
    const { run, pick, about } = start(three);
    run(0, ok(900));
    run(1, ok(300));
    run(2, ok(600));
    expect(pick()).toBe(1);
    expect(about(1)).toMatchObject({ e2e_ms: 300 });
  });

  it("works with a single target, whatever becomes of its requests", () => {
    const { run, pick } = start(two.slice(0, 1));
    for (const outcome of [
      ok(10),
      failed("timeout", 60_000),
      { ok: false, aborted: true, latencyMs: 9 } as const,
    ]) {
      expect(pick()).toBe(0);
      run(0, outcome);
    }
    expect(pick()).toBe(0);
  });

  it("spreads over targets that are all unknown as their weights are, in a burst and one by one", () => {
    const { pickAndBegin } = start(createTargets([{ weight: 2 }, { weight: 1 }, { weight: 1 }]));
    const picks = Array.from({ length: 40 }, pickAndBegin);
    expect([0, 1, 2].map((index) => picks.filter((pick) => pick === index).length)).toEqual([20, 10, 10]);
  });

  it("lets a weight make up for a latency", () => {
    const { run, pick } = start(createTargets([{ weight: 1 }, { weight: 3 }]));
    run(0, ok(100));
    run(1, ok(250));
    expect(pick()).toBe(1);
    run(1, ok(2700));
    run(0, ok(100));
    expect(pick()).toBe(0);
  });

  it("begins a new target at the mean of the others, and tries it with one request at a time", () => {
    const { run, pickAndBegin, pick, pass, about } = start(three);
    run(0, ok(100));
    run(1, ok(300));
    expect(about(2)).toEqual({ score: expect.any(Number) });
    for (let count = 0; count < 60; count++) pick(); // idle for long enough, in requests…
    pass(10_000); // …and in time
    run(0, ok(100));
    run(1, ok(300));
    expect(pickAndBegin()).toBe(2);
    expect(Array.from({ length: 20 }, pick)).not.toContain(2);
  });

  it("forgets along the formula of Kong's balancer: w = exp(−Δt ÷ 10 s)", () => {
    const { run, pick, pass, about } = start(two.slice(0, 1));
    run(0, ok(1000));
    for (let count = 0; count < 100; count++) pick();
    pass(4500);
    run(0, ok(500));
    const kept = Math.exp(-5000 / 10_000);
    expect(about(0)["e2e_ms"]).toBeCloseTo(1000 * kept + 500 * (1 - kept), 9);
  });

  it("forgets no faster than in fifty requests, however rarely they come", () => {
    const { run, pick, pass, about } = start(two.slice(0, 1));
    run(0, ok(1000));
    for (let count = 0; count < 5; count++) pick();
    pass(3_600_000);
    run(0, ok(500));
    const kept = Math.exp(-5 / 50);
    expect(about(0)["e2e_ms"]).toBeCloseTo(1000 * kept + 500 * (1 - kept), 9);
  });

  it("takes a peak at once, down to what may be noise", () => {
    const { run, about } = start(two.slice(0, 1));
    run(0, ok(100));
    run(0, ok(250));
    expect(about(0)["e2e_ms"]).toBeLessThan(110);
    run(0, ok(6000));
    expect(about(0)["e2e_ms"]).toBeGreaterThanOrEqual(2000);
  });

  it("tries an idle target again after a while, with one request, and believes what it finds", () => {
    const { run, pick, pickAndBegin, end, pass } = start(two);
    run(0, ok(100));
    run(1, ok(5000));
    expect(Array.from({ length: 20 }, pick)).not.toContain(1);
    for (let count = 0; count < 400; count++) {
      pass(100);
      if (pick() === 1) break;
      run(0, ok(100));
    }
    expect(pickAndBegin()).toBe(1);
    expect(Array.from({ length: 20 }, pick)).not.toContain(1);
    pass(20);
    end(1, ok(20));
    const picks = Array.from({ length: 100 }, () => {
      pass(100);
      const index = pick();
      run(index, ok(index === 0 ? 100 : 20));
      return index;
    });
    expect(picks.slice(-50).filter((index) => index === 1).length).toBeGreaterThan(45);
  });
});

describe("lowest-latency by the time per token", () => {
  it("divides the whole time by the tokens of the output", () => {
    const { run, pick, about } = start(two, {});
    run(0, wrote(1000, 10));
    run(1, wrote(2000, 100, 9_000));
    expect([about(0)["tpot_ms"], about(1)["tpot_ms"]]).toEqual([100, 20]);
    expect(pick()).toBe(1);
  });

  it("learns nothing from answers without tokens or of an unknown number", () => {
    const { run, about } = start(two, {});
    run(0, wrote(1000, 0));
    run(0, ok(1000));
    expect(about(0)).not.toHaveProperty("tpot_ms");
    run(0, wrote(1000, 10));
    run(0, ok(50_000));
    run(0, wrote(50_000, 0));
    expect(about(0)["tpot_ms"]).toBe(100);
  });

  it("is not misled by an answer of one token", () => {
    const { run, about } = start(two, {});
    for (let count = 0; count < 20; count++) run(0, wrote(6000, 300));
    run(0, wrote(600, 1));
    expect(about(0)["tpot_ms"]).toBeGreaterThan(20);
    expect(about(0)["tpot_ms"]).toBeLessThan(22);
  });

  it("keeps apart what was measured in another unit, also in what is remembered", () => {
    const memory = createFakeMemory();
    const before = start(two, {}, memory);
    before.run(0, wrote(1000, 100));
    const after = start(two, e2e, memory);
    expect(after.about(0)).not.toHaveProperty("e2e_ms");
    expect(start(two, {}, memory).about(0)["tpot_ms"]).toBe(10);
  });
});
