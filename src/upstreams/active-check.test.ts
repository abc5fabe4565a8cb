import { describe, expect, it } from "vitest";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { later } from "../../test/support/later.ts";
import { createActiveRecord, startActiveCheck } from "./active-check.ts";
import { healthchecksBlock } from "./healthchecks.ts";
import type { Sign } from "./outcome.ts";

function setUp(active: object, record = createActiveRecord()) {
  const clock = createFakeClock();
  const events: string[] = [];
  const world = { sign: "good" as Sign, asked: 0, isOutOtherwise: false };
  const check = startActiveCheck(healthchecksBlock.parse({ active }).active, record, {
    now: clock.now,
    random: () => 0.5, // no spread
    schedule: clock.schedule,
    ask: async () => {
      world.asked++;
      return world.sign;
    },
    isOutOtherwise: () => world.isOutOtherwise,
    onOut: (sort) => events.push(`out ${sort}`),
    onBack: () => {
      world.isOutOtherwise = false;
      events.push("back");
    },
  });
  return { clock, events, world, check, record };
}

const both = {
  healthy: { interval: 2, successes: 2 },
  unhealthy: { interval: 1, http_failures: 2, tcp_failures: 1, timeouts: 3 },
};

describe("active checks", () => {
  it("ask at the interval for targets in use", async () => {
    const { clock, world } = setUp(both);
    await clock.advance(500);
    expect(world.asked).toBe(1);
    await clock.advance(6_000);
    expect(world.asked).toBe(4);
  });

  it("take the target out after so many failures in a row of one sort, and back after so many good answers", async () => {
    const { clock, events, record, world } = setUp(both);
    world.sign = "http";
    await clock.advance(500);
    world.sign = "good";
    await clock.advance(2_000);
    world.sign = "http";
    await clock.advance(2_000);
    expect(record.isOut).toBe(false);
    await clock.advance(2_000);
    expect(record.isOut).toBe(true);
    world.sign = "good";
    await clock.advance(1_000);
    expect(record.isOut).toBe(true);
    await clock.advance(1_000);
    expect(record.isOut).toBe(false);
    expect(events).toEqual(["out http", "back"]);
  });

  it("learn nothing from a status in neither list", async () => {
    const { clock, record, world } = setUp(both);
    world.sign = "http";
    await clock.advance(500);
    world.sign = undefined;
    await clock.advance(2_000);
    expect(record.failures.http).toBe(1);
  });

  it("never take out what has no limit", async () => {
    const { clock, record, world } = setUp({ healthy: { interval: 1 }, unhealthy: { http_failures: 1 } });
    world.sign = "timeout";
    await clock.advance(20_000);
    expect(record.isOut).toBe(false);
  });

  it("begin when something else takes a target out, where only those that are out are asked", async () => {
    const active = { healthy: { successes: 1 }, unhealthy: { interval: 1 } };
    const { check, clock, events, world } = setUp(active);
    expect(clock.timers).toBe(0);
    world.isOutOtherwise = true;
    world.sign = "tcp";
    check.changed();
    expect(check.retryInMs).toBe(1_000);
    await clock.advance(3_000);
    expect(events).toEqual([]);
    world.sign = "good";
    await clock.advance(1_000);
    expect(events).toEqual(["back"]);
    expect(clock.timers).toBe(0);
    expect(check.retryInMs).toBeUndefined();
  });

  it("count no answer to what was asked before something else took the target out, or let it in", async () => {
    const clock = createFakeClock();
    const record = createActiveRecord();
    const answer = [later<Sign>(), later<Sign>()];
    let asked = 0;
    let isOutOtherwise = false;
    const back: number[] = [];
    const active = { healthy: { interval: 1, successes: 1 }, unhealthy: { interval: 1, tcp_failures: 1 } };
    const check = startActiveCheck(healthchecksBlock.parse({ active }).active, record, {
      ...clock,
      random: () => 0.5,
      ask: () => answer[asked++]?.promise ?? Promise.resolve(undefined),
      isOutOtherwise: () => isOutOtherwise,
      onOut: () => undefined,
      onBack: () => back.push(asked),
    });
    await clock.advance(500);
    isOutOtherwise = true;
    check.changed();
    answer[0]?.resolve("good");
    await clock.advance(1_000);
    expect([asked, back]).toEqual([2, []]);
    isOutOtherwise = false;
    check.changed();
    answer[1]?.resolve("tcp");
    await clock.advance(500);
    expect(record.isOut).toBe(false);
    check.close();
  });

  it("end with the check, also one that is under way", async () => {
    const { check, clock, record, world } = setUp(both);
    world.sign = "tcp";
    await clock.advance(400);
    check.close();
    await clock.advance(10_000);
    expect(world.asked).toBe(0);
    expect(record.isOut).toBe(false);
    expect(clock.timers).toBe(0);
  });
});
