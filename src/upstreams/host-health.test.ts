import { beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { createFakeClock, type FakeClock } from "../../test/support/fake-clock.ts";
import { createRecordingLogger } from "../../test/support/recording-logger.ts";
import { createTargetMemories, type TargetMemories } from "../balancer/target-memory.ts";
import { createHostHealth, type HostHealth } from "./host-health.ts";
import { createHostTarget } from "./host-target.ts";
import { upstreamOptions } from "./options.ts";
import type { Sign } from "./outcome.ts";

const target = createHostTarget({ host: "a", port: 80, weight: 1, failover: false }, 0);
const active = {
  healthy: { interval: 10, successes: 2 },
  unhealthy: { interval: 5, tcp_failures: 1 },
};

let clock: FakeClock;
let memories: TargetMemories;
/** What the target answers to checks, and how often it was asked. */
let sign: Sign;
let asked: number;
beforeEach(async () => {
  clock = createFakeClock();
  await clock.advance(1);
  memories = createTargetMemories();
  memories.hold("u", [target]);
  sign = "good";
  asked = 0;
});

const refused = { ok: false, failure: "error", latencyMs: 1 } as const;

function create(healthchecks: object): HostHealth {
  const { healthchecks: checks } = z.strictObject(upstreamOptions).parse({ healthchecks });
  return createHostHealth("api", target, checks, {
    ...clock,
    random: () => 0.5,
    log: createRecordingLogger(),
    memory: memories.of("u", "health"),
    ask: async () => {
      asked++;
      return sign;
    },
  });
}

describe("a target that is marked by hand", () => {
  it("as unhealthy is asked as one that is out, and comes back with its good answers", async () => {
    const health = create({ active });
    await clock.advance(6_000); // the check that comes first
    health.mark("unhealthy");
    expect([health.isAvailable(clock.now()), health.healthy, health.isOut]).toEqual([false, false, true]);
    expect(health.waitMs).toBe(10_000);
    await clock.advance(5_000);
    expect(health.isOut).toBe(true);
    await clock.advance(5_000);
    expect([health.isAvailable(clock.now()), health.healthy, health.isOut]).toEqual([true, true, false]);
  });

  it("as unhealthy stays out where no active check can find it well", async () => {
    const health = create({ passive: { unhealthy: { tcp_failures: 1 } } });
    health.mark("unhealthy");
    await clock.advance(3_600_000);
    expect([health.isOut, health.breaker.state, health.waitMs]).toEqual([
      true,
      "open",
      Number.POSITIVE_INFINITY,
    ]);
  });

  it("as healthy is used at once, until a check takes it out again", async () => {
    sign = "tcp";
    const health = create({ active });
    await clock.advance(1_000);
    expect(health.isOut).toBe(true);
    health.mark("healthy");
    expect([health.isAvailable(clock.now()), health.isOut]).toEqual([true, false]);
    await clock.advance(11_000);
    expect(health.isOut).toBe(true);
  });

  it("tells the others at once, also when a check has found it well", async () => {
    const urgent: boolean[] = [];
    memories.onChange((_, isUrgent) => urgent.push(isUrgent));
    const health = create({ active });
    health.mark("unhealthy");
    expect(urgent).toEqual([true]);
    await clock.advance(15_000);
    expect([health.isOut, urgent]).toEqual([false, [true, true]]);
  });

  it("elsewhere is out here too, with the time of its checks, and in again with the word of whoever said it", async () => {
    const told = create({ active });
    told.mark("unhealthy");
    const hear = (rows: ReturnType<TargetMemories["tell"]>) =>
      memories.hear("u", [{ rows, clockOffsetMs: 0.5, isAlive: true }], 0);
    const out = memories.tell("u");
    await clock.advance(1);
    told.mark("healthy");
    const back = memories.tell("u");
    memories = createTargetMemories();
    memories.hold("u", [target]);
    sign = "tcp";
    const other = create({ active });
    await clock.advance(1_000);
    hear(out);
    expect(other.waitMs).toBeLessThanOrEqual(10_000);
    hear(back);
    expect([other.isOut, other.isAvailable(clock.now())]).toEqual([false, true]);
  });
});

describe("a target that a request takes out", () => {
  it("is asked at its intervals again, and not twice as often, once a check has brought it back", async () => {
    const health = create({ active, passive: { unhealthy: { tcp_failures: 1 } } });
    await clock.advance(1_000);
    health.end(health.begin(), refused);
    expect(health.isOut).toBe(true);
    await clock.advance(10_000);
    expect(health.isOut).toBe(false);
    expect(clock.timers).toBe(1);
    asked = 0;
    await clock.advance(100_000);
    expect(asked).toBe(10);
    health.close();
    expect(clock.timers).toBe(0);
  });
});

describe("a target whose upstream is another after a reload", () => {
  const outOnly = {
    active: { healthy: { successes: 1 }, unhealthy: { interval: 5 } },
    passive: { unhealthy: { tcp_failures: 1 } },
  };

  it("is asked, and comes back, when a request that began before it takes it out", async () => {
    const before = create(outOnly);
    const ticket = before.begin();
    const after = create(outOnly);
    before.close();
    before.end(ticket, refused);
    expect(after.isOut).toBe(true);
    await clock.advance(6_000);
    expect(after.isOut).toBe(false);
    after.close();
    expect(clock.timers).toBe(0);
  });

  it("is asked, and comes back, when a check that was made before takes it out", async () => {
    const before = create({ active });
    const after = create(outOnly);
    sign = "tcp";
    await clock.advance(1_000);
    before.close();
    expect(after.isOut).toBe(true);
    sign = "good";
    await clock.advance(6_000);
    expect(after.isOut).toBe(false);
  });

  it("or would have been, had that been taken, is asked when it is marked elsewhere", async () => {
    const running = create(outOnly);
    create(outOnly).close();
    memories.hear("u", [{ rows: { [`health ${target.id}`]: [1, 1] }, clockOffsetMs: 0, isAlive: true }], 0);
    expect(running.isOut).toBe(true);
    await clock.advance(6_000);
    expect(running.isOut).toBe(false);
  });
});
