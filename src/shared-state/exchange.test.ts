import { beforeEach, describe, expect, it } from "vitest";
import { createTarget } from "../../test/support/balancing.ts";
import { createFakeClock, type FakeClock } from "../../test/support/fake-clock.ts";
import type { Heard, Telling } from "../balancer/balancer.ts";
import { createTargetMemories, type TargetMemories } from "../balancer/target-memory.ts";
import { createStateExchange, gatherMs, type StateExchange } from "./exchange.ts";
import type { Listener, Report, StateChannel } from "./state-channel.ts";

const plugin = "plugin";
const key = "use id-0";
const hour = 3_600_000;

class FakeChannel implements StateChannel {
  readonly delayMs: number;
  readonly told: (Report & { readonly isUrgent: boolean })[] = [];
  listener: Listener | undefined;

  constructor(delayMs = 20) {
    this.delayMs = delayMs;
  }

  open(listener: Listener): void {
    this.listener = listener;
  }

  tell(_owner: string, report: Report, isUrgent: boolean): void {
    this.told.push({ ...report, isUrgent });
  }

  close = async () => undefined;

  hear(peer: string, number: number, value: number, rows = JSON.stringify({ [key]: [value] })): void {
    this.listener?.heard(plugin, { peer, number, rows, clockOffsetMs: 100 });
  }
}

let clock: FakeClock;
let memories: TargetMemories;
let value = 1;
let heard: readonly Heard[] = [];
let delay = 0;
let telling: Telling;

beforeEach(() => {
  clock = createFakeClock();
  memories = createTargetMemories();
  value = 1;
  heard = [];
  delay = 0;
  const target = createTarget(0);
  const memory = memories.of(plugin, "use");
  memory.of(target, () => ({}));
  telling = memory.share(target, {
    tell: () => [value],
    hear(rows, delayMs) {
      heard = rows;
      delay = delayMs;
    },
  });
  memories.hold(plugin, [target]);
});

function open(siblings?: StateChannel): StateExchange {
  return createStateExchange({
    memories,
    peer: "me",
    now: clock.now,
    schedule: clock.schedule,
    ...(siblings !== undefined && { siblings }),
  });
}

const values = () => heard.map(({ row, isAlive }) => `${row[0]}${isAlive ? "" : " ended"}`);

describe("the exchange of state, telling", () => {
  it("costs no timer while there is nobody to tell", () => {
    open();
    telling.changed();
    telling.changedNow();
    expect(clock.timers).toBe(0);
  });

  it("begins with what there is, gathers a burst into one report, and numbers what is new", async () => {
    const channel = new FakeChannel();
    open().join(plugin, channel);
    expect(channel.told).toEqual([{ peer: "me", number: 1, rows: `{"${key}":[1]}`, isUrgent: true }]);
    for (value = 2; value < 5; value++) telling.changed();
    await clock.advance(gatherMs - 1);
    expect(channel.told).toHaveLength(1);
    await clock.advance(1);
    expect(channel.told[1]).toEqual({ peer: "me", number: 2, rows: `{"${key}":[5]}`, isUrgent: false });
    telling.changed(); // and changed back, as far as anybody can see
    await clock.advance(gatherMs);
    expect(channel.told[2]?.number).toBe(2);
    expect(clock.timers).toBe(0);
  });

  it("does not let what is urgent wait for the rest of a burst", async () => {
    const channel = new FakeChannel();
    open().join(plugin, channel);
    value = 2;
    telling.changed();
    telling.changedNow();
    telling.changed();
    await clock.advance(0);
    expect(channel.told.slice(1)).toEqual([expect.objectContaining({ number: 2, isUrgent: true })]);
    expect(clock.timers).toBe(0);
  });

  it("tells the workers of every owner without being asked to join, until nothing is held any more", async () => {
    const siblings = new FakeChannel();
    open(siblings);
    value = 2;
    const letGo = memories.hold(plugin, [createTarget(0)]);
    await clock.advance(gatherMs);
    expect(siblings.told.map(({ rows }) => rows)).toEqual([`{"${key}":[2]}`]);
    letGo();
    await clock.advance(gatherMs);
    expect(siblings.told.at(-1)?.rows).toBe(`{"${key}":[2]}`);
  });

  it("tells once more at its end, and when a channel is left", async () => {
    const [first, second] = [new FakeChannel(), new FakeChannel()];
    const exchange = open();
    const leave = exchange.join(plugin, first);
    exchange.join(plugin, second);
    value = 2;
    telling.changed();
    leave();
    expect(first.told.at(-1)?.rows).toBe(`{"${key}":[2]}`);
    value = 3;
    telling.changed();
    exchange.close();
    expect(first.told.at(-1)?.rows).toBe(`{"${key}":[2]}`);
    expect(second.told.at(-1)?.rows).toBe(`{"${key}":[3]}`);
    expect(clock.timers).toBe(0);
  });
});

describe("the exchange of state, hearing", () => {
  it("believes of each process the latest report, and not its own", () => {
    const channel = new FakeChannel(20);
    open().join(plugin, channel);
    channel.hear("a", 2, 10);
    channel.hear("b", 1, 20);
    channel.hear("me", 9, 99);
    expect(values()).toEqual(["10", "20"]);
    expect(heard[0]?.clockOffsetMs).toBe(100);
    expect(delay).toBe(20);
    channel.hear("a", 1, 5); // came late
    channel.hear("a", 3, 11);
    expect(values()).toEqual(["11", "20"]);
  });

  it("takes no notice of what it cannot read", () => {
    const channel = new FakeChannel();
    open().join(plugin, channel);
    channel.hear("a", 1, 10);
    for (const rows of ["", "[]", "null", '{"x":1}', `{"${key}":["1"]}`, `{"${key}":[null]}`, '{"x":'])
      channel.hear("a", 2, 0, rows);
    expect(values()).toEqual(["10"]);
  });

  it("keeps what a process has told that has ended, for an hour, and takes it back when it speaks again", async () => {
    const channel = new FakeChannel();
    open().join(plugin, channel);
    channel.hear("a", 1, 10);
    channel.listener?.gone(plugin, "a");
    expect(values()).toEqual(["10 ended"]);
    channel.hear("a", 1, 10);
    expect(values()).toEqual(["10"]);
    channel.listener?.gone(plugin, "a");
    channel.listener?.gone(plugin, "a");
    channel.listener?.gone(plugin, "nobody");
    await clock.advance(hour);
    channel.hear("b", 1, 20);
    expect(values()).toEqual(["10 ended", "20"]);
    await clock.advance(1);
    channel.hear("b", 2, 21);
    expect(values()).toEqual(["21"]);
  });

  it("keeps no more than so many that have ended, the latest", () => {
    const channel = new FakeChannel();
    open().join(plugin, channel);
    for (let each = 0; each < 100; each++) {
      channel.hear(`p${each}`, 1, each);
      channel.listener?.gone(plugin, `p${each}`);
      void clock.advance(1);
    }
    expect(heard).toHaveLength(64);
  });

  it("believes a process to live that is heard of through any channel, and counts it once", () => {
    const [siblings, server] = [new FakeChannel(20), new FakeChannel(200)];
    const leave = open(siblings).join(plugin, server);
    siblings.hear("a", 5, 10);
    server.hear("a", 4, 9);
    expect(values()).toEqual(["10"]);
    expect(delay).toBe(200);
    server.listener?.gone(plugin, "a");
    expect(values()).toEqual(["10"]);
    siblings.listener?.gone(plugin, "a");
    expect(values()).toEqual(["10 ended"]);
    server.hear("b", 1, 20);
    leave();
    expect(values()).toEqual(["10 ended", "20 ended"]);
    expect(delay).toBe(20);
  });

  it("forgets all of it with the last channel", () => {
    const channel = new FakeChannel();
    const leave = open().join(plugin, channel);
    channel.hear("a", 1, 10);
    leave();
    expect(heard).toEqual([]);
    channel.hear("a", 2, 11);
    expect(heard).toEqual([]);
  });
});
