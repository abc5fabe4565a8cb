import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSampler, createTraceIds } from "./sampling.ts";

const drop = "parent_drop_probability_fallback";
const follow = "parent_probability_fallback";
const sampler = (sampling_rate: number | undefined, sampling_strategy: typeof drop | typeof follow = drop) =>
  createSampler({ sampling_rate, sampling_strategy });
const ids = createTraceIds(Math.random);

describe("sampling", () => {
  it("keeps all at 1 and none at 0, whatever the id", () => {
    for (const id of ["0".repeat(31).concat("1"), "f".repeat(32), ids.traceId()]) {
      expect(sampler(1)(id, undefined)).toBe(true);
      expect(sampler(0)(id, undefined)).toBe(false);
    }
  });

  it("keeps about the share that is asked for, a hundredth unless it is", () => {
    const count = (keep: ReturnType<typeof sampler>) =>
      Array.from({ length: 20_000 }, () => keep(ids.traceId(), undefined)).filter(Boolean).length / 20_000;
    expect(count(sampler(0.3))).toBeCloseTo(0.3, 1);
    expect(count(sampler(undefined))).toBeLessThan(0.02);
    expect(count(sampler(undefined))).toBeGreaterThan(0.004);
  });

  it("keeps at a higher rate what it keeps at a lower one", () => {
    const rates = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(rates, rates, (one, other) => {
        const id = ids.traceId();
        const [low, high] = [Math.min(one, other), Math.max(one, other)];
        if (sampler(low)(id, undefined)) expect(sampler(high)(id, undefined)).toBe(true);
      }),
    );
  });

  it("lets the caller drop, and keep only where it is followed", () => {
    const id = ids.traceId();
    expect([sampler(1)(id, false), sampler(1)(id, true), sampler(0)(id, true)]).toEqual([false, true, false]);
    const following = (rate: number, fromParent?: boolean) => sampler(rate, follow)(id, fromParent);
    expect([following(0, true), following(1, false), following(1), following(0)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });
});

describe("ids", () => {
  it("are hex digits, never all zero, and differ", () => {
    expect(ids.traceId()).toMatch(/^[0-9a-f]{32}$/);
    expect(ids.spanId()).toMatch(/^[0-9a-f]{16}$/);
    expect(new Set(Array.from({ length: 1_000 }, ids.spanId)).size).toBe(1_000);
    const zero = createTraceIds(() => 0);
    expect([zero.traceId(), zero.spanId()]).toEqual([`${"0".repeat(31)}1`, `${"0".repeat(15)}1`]);
    expect(createTraceIds(() => 1 - 2 ** -53).spanId()).toBe("f".repeat(16));
  });
});
