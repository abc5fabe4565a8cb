import { describe, expect, it } from "vitest";
import { type Clock, measureCalls } from "./calls.ts";

/** A clock that calls move on: `tookMs` of time each, half of it CPU. */
function callsThatTake(tookMs: () => number) {
  let nowMs = 5;
  let cpuUs = 70;
  const clock: Clock = { now: () => nowMs, cpuMicros: () => cpuUs };
  const call = () => {
    const took = tookMs();
    nowMs += took;
    cpuUs += took * 500;
  };
  return { clock, call };
}

describe("measureCalls", () => {
  it("calls one after the other until the time is up, and waits for the last", async () => {
    const { clock, call } = callsThatTake(() => 3);
    const calls = await measureCalls(call, { atOnce: 1, forMs: 10, clock });
    expect(calls).toEqual({ count: 4, p50Us: 3000, p99Us: 3000, perSecond: 4 / 0.012, cpuUs: 1500 });
  });

  it("tells the middle from the slowest", async () => {
    let next = 0;
    const { clock, call } = callsThatTake(() => (++next % 20 === 0 ? 9 : 1));
    const { p50Us, p99Us } = await measureCalls(call, { atOnce: 1, forMs: 500, clock });
    expect([p50Us, p99Us]).toEqual([1000, 9000]);
  });

  it("has as many calls under way as asked for, and no more", async () => {
    let nowMs = 0;
    let underWay = 0;
    let most = 0;
    const ends: (() => void)[] = [];
    const call = () =>
      new Promise<void>((resolve) => {
        most = Math.max(most, ++underWay);
        ends.push(() => {
          underWay--;
          resolve();
        });
        // All that can be under way are: time passes, and they end.
        if (underWay === 7) {
          nowMs += 2;
          for (const end of ends.splice(0)) end();
        }
      });
    const clock: Clock = { now: () => nowMs, cpuMicros: () => 0 };
    const { count, p50Us } = await measureCalls(call, { atOnce: 7, forMs: 10, clock });
    expect([most, underWay, count, p50Us]).toEqual([7, 0, 35, 2000]);
  });

  it("fails with the call that failed", async () => {
    const failing = () => Promise.reject(new Error("the store is away"));
    await expect(measureCalls(failing, { atOnce: 3, forMs: 1000 })).rejects.toThrow("the store is away");
  });
});
