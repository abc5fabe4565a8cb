import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { leastConnections } from "../../src/balancer/algorithms/least-connections.ts";
import { roundRobin } from "../../src/balancer/algorithms/round-robin.ts";
import { percentile } from "../statistics.ts";
import { createEventQueue } from "./event-queue.ts";
import { weightedRandom } from "./naive.ts";
import { shareError } from "./scenario.ts";
import { exponential, type Simulation, simulate } from "./simulation.ts";
import { ours } from "./world.ts";

describe("the event queue", () => {
  it("runs events in order of time, equal ones in the order added, those that events add included", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ at: fc.nat(20), next: fc.nat(20) }), { maxLength: 50 }), (events) => {
        const queue = createEventQueue();
        const ran: { at: number; number: number }[] = [];
        let number = 0;
        const add = (delay: number, next?: number) => {
          const event = { at: queue.now() + delay, number: number++ };
          queue.after(delay, () => {
            expect(queue.now()).toBe(event.at);
            ran.push(event);
            if (next !== undefined) add(next);
          });
        };
        for (const { at, next } of events) add(at, next);
        queue.runAll();
        expect(ran.length).toBe(2 * events.length);
        expect(ran).toEqual([...ran].sort((a, b) => a.at - b.at || a.number - b.number));
      }),
    );
  });

  it("refuses events in the past", () => {
    expect(() => createEventQueue().after(-1, () => undefined)).toThrow(/-1 ms/);
    expect(() => createEventQueue().after(Number.NaN, () => undefined)).toThrow(RangeError);
  });
});

const oneServer: Simulation = {
  targets: [{ weight: 1, parallel: 1, answer: (random) => ({ serviceMs: exponential(random, 100) }) }],
  ratePerSecond: 5,
  requests: 200_000,
  seed: 3,
};

describe("a simulation", () => {
  it("has the waiting times that queueing theory has for one server (M/M/1), within five per cent", () => {
    const { latenciesMs } = simulate(ours(roundRobin), oneServer);
    // Time in an M/M/1 system is exponential with mean 1 ÷ (service rate − arrival rate): 1 ÷ (10 − 5) s.
    for (const share of [0.5, 0.9, 0.99]) {
      const theory = -200 * Math.log(1 - share);
      expect(Math.abs(percentile(latenciesMs, share) / theory - 1)).toBeLessThan(0.05);
    }
  });

  it("gives the same figures for the same seed and others for another", () => {
    const short = { ...oneServer, requests: 1000 };
    expect(simulate(weightedRandom, short)).toEqual(simulate(weightedRandom, short));
    expect(simulate(weightedRandom, { ...short, seed: 4 })).not.toEqual(simulate(weightedRandom, short));
  });

  it("begins and ends every attempt, leaves out what is down, and counts what failed and what nothing took", () => {
    const isUp = (nowMs: number) => nowMs % 2000 < 1000;
    const failing = {
      weight: 1,
      parallel: 5,
      isUp,
      answer: () => ({ serviceMs: 5, outcome: { ok: false } }),
    };
    let open = 0;
    const counting = {
      name: "counting",
      create: (world: Parameters<ReturnType<typeof ours>["create"]>[0]) => {
        const inner = ours(leastConnections).create(world);
        return {
          ...inner,
          started: () => void open++,
          observe: () => void open--,
        };
      },
    };
    const result = simulate(counting, { ...oneServer, targets: [failing], requests: 2000, warmUp: 0 });
    expect(open).toBe(0);
    expect(result.failed).toBe(result.counts[0]);
    expect(result.failed + result.refused).toBe(2000);
    expect(Math.abs(result.refused / 2000 - 0.5)).toBeLessThan(0.1);
  });

  it("measures the share error of the target that is furthest off", () => {
    expect(shareError([50, 30, 20], [50, 30, 20])).toBe(0);
    expect(shareError([60, 20, 20], [50, 30, 20])).toBeCloseTo(0.1, 12);
  });
});
