import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFakeClock, settled } from "../../test/support/fake-clock.ts";
import { BatchQueue, type BatchQueueLimits, type DropReason } from "./batch-queue.ts";

const defaults: BatchQueueLimits = {
  maxBatchSize: 1,
  maxCoalescingDelayMs: 1_000,
  maxEntries: 10_000,
  maxBytes: Number.POSITIVE_INFINITY,
  initialRetryDelayMs: 10,
  maxRetryDelayMs: 60_000,
  maxRetryTimeMs: 60_000,
  concurrency: 1,
};

/** How the other side is: answers after `takesMs`, well or not; `hangs` answers when the signal says so. */
type Mood = { readonly takesMs: number; readonly ok: boolean } | "hangs";

function create(limits: Partial<BatchQueueLimits> = {}, random: () => number = () => 0) {
  const clock = createFakeClock();
  const tries: { readonly at: number; readonly batch: readonly number[] }[] = [];
  const arrived: number[] = [];
  const dropped: [number, DropReason][] = [];
  let mood: Mood = { takesMs: 0, ok: true };
  const queue = new BatchQueue<number>({
    limits: { ...defaults, ...limits },
    now: clock.now,
    random,
    schedule: clock.schedule,
    onDropped: (count, reason) => dropped.push([count, reason]),
    async deliver(batch) {
      tries.push({ at: clock.now(), batch });
      const now = mood;
      if (now === "hangs") return new Promise(() => undefined);
      if (now.takesMs > 0) await new Promise<void>((resolve) => clock.schedule(now.takesMs, resolve));
      if (!now.ok) throw new Error("no");
      arrived.push(...batch);
    },
  });
  return {
    queue,
    clock,
    tries,
    arrived,
    dropped,
    is: (next: Mood) => {
      mood = next;
    },
    add: (...entries: number[]) => {
      for (const entry of entries) queue.add(entry, 1);
    },
  };
}

const good: Mood = { takesMs: 0, ok: true };
const bad: Mood = { takesMs: 0, ok: false };

describe("a batch", () => {
  it("of one entry goes at once", async () => {
    const { add, clock, tries } = create();
    add(1, 2);
    await clock.advance(0);
    expect(tries).toEqual([
      { at: 0, batch: [1] },
      { at: 0, batch: [2] },
    ]);
    expect(clock.timers).toBe(0);
  });

  it("goes when it is full, or when its oldest entry has waited long enough", async () => {
    const { add, clock, tries } = create({ maxBatchSize: 3, maxCoalescingDelayMs: 100 });
    add(1);
    await clock.advance(60);
    add(2);
    await clock.advance(39);
    expect(tries).toEqual([]);
    await clock.advance(1);
    add(3, 4, 5, 6);
    await clock.advance(100);
    expect(tries).toEqual([
      { at: 100, batch: [1, 2] },
      { at: 100, batch: [3, 4, 5] },
      { at: 200, batch: [6] },
    ]);
    expect(clock.timers).toBe(0);
  });

  it("is tried again after delays that double, up to the longest, and given up after the retry time", async () => {
    const { add, clock, dropped, is, queue, tries } = create({ maxRetryDelayMs: 50, maxRetryTimeMs: 200 });
    is(bad);
    add(1);
    await clock.advance(1_000);
    expect(tries.map(({ at }) => at)).toEqual([0, 10, 30, 70, 120, 170, 200]);
    expect(dropped).toEqual([[1, "undelivered"]]);
    expect(queue.entries).toBe(0);
    expect(clock.timers).toBe(0);
  });

  it("is tried after half the delay at the earliest, so that many senders do not come at once", async () => {
    const { add, clock, is, tries } = create({ maxRetryTimeMs: 60 }, () => 0.999999);
    is(bad);
    add(1);
    await clock.advance(1_000);
    expect(tries.map(({ at }) => Math.round(at))).toEqual([0, 5, 15, 35, 60]);
  });

  it.each([0, -1])("is tried once with a retry time of %d", async (maxRetryTimeMs) => {
    const { add, clock, dropped, is, tries } = create({ maxRetryTimeMs });
    is(bad);
    add(1);
    await clock.advance(1_000);
    expect(tries).toHaveLength(1);
    expect(dropped).toEqual([[1, "undelivered"]]);
  });

  it("keeps the next one waiting with a concurrency of 1, and does not without a bound", async () => {
    for (const concurrency of [1, Number.POSITIVE_INFINITY]) {
      const { add, clock, is, tries } = create({ concurrency });
      is("hangs");
      add(1, 2, 3);
      await clock.advance(0);
      expect(tries).toHaveLength(concurrency === 1 ? 1 : 3);
    }
  });
});

describe("a full queue", () => {
  it("drops the oldest that waits for one that comes", async () => {
    const { add, arrived, clock, dropped, is } = create({ maxEntries: 3 });
    is({ takesMs: 10, ok: true });
    add(1, 2, 3, 4, 5);
    expect(dropped).toEqual([
      [1, "full"],
      [1, "full"],
    ]);
    await clock.advance(100);
    expect(arrived).toEqual([1, 4, 5]);
  });

  it("drops what comes while everything it holds is being delivered", async () => {
    const { add, clock, dropped, is, queue } = create({ maxEntries: 2, maxBatchSize: 2 });
    is("hangs");
    add(1, 2);
    await clock.advance(0);
    add(3);
    expect(dropped).toEqual([[1, "full"]]);
    expect(queue.entries).toBe(2);
  });

  it("counts bytes too, and takes nothing that is larger than all of it", async () => {
    const { clock, dropped, is, queue } = create({ maxBytes: 10 });
    is("hangs");
    queue.add(1, 4);
    queue.add(2, 4);
    queue.add(3, 11);
    expect(queue.entries).toBe(2);
    queue.add(4, 6);
    expect([queue.entries, queue.bytes]).toEqual([2, 10]);
    expect(dropped).toEqual([
      [1, "full"],
      [1, "full"],
    ]);
    await clock.advance(0);
  });
});

describe("closing", () => {
  it("delivers what waits for company, at once", async () => {
    const { add, arrived, clock, queue } = create({ maxBatchSize: 100, maxCoalescingDelayMs: 3_600_000 });
    add(1, 2, 3);
    await queue.close(1_000);
    expect(arrived).toEqual([1, 2, 3]);
    expect(clock.timers).toBe(0);
  });

  it("tries at once what waits for its next try, and goes on until the deadline", async () => {
    const { add, arrived, clock, is, queue } = create({ initialRetryDelayMs: 50_000 });
    is(bad);
    add(1);
    await clock.advance(10);
    is(good);
    await queue.close(1_000);
    expect(arrived).toEqual([1]);
    expect(clock.timers).toBe(0);
  });

  it.each<Mood>([bad, "hangs"])("drops what cannot be delivered by then", async (mood) => {
    const { add, clock, dropped, is, queue } = create();
    is(mood);
    add(1, 2, 3);
    let isClosed = false;
    const closed = queue.close(500).then(() => {
      isClosed = true;
    });
    await clock.advance(499);
    expect(isClosed).toBe(false);
    await clock.advance(1);
    await closed;
    expect(dropped.reduce((sum, [count]) => sum + count, 0)).toBe(3);
    expect(new Set(dropped.map(([, reason]) => reason))).toEqual(new Set(["closed"]));
    expect([queue.entries, queue.bytes, clock.timers]).toEqual([0, 0, 0]);
  });

  it("of an empty queue is done at once, and twice is once; later entries are dropped", async () => {
    const { add, clock, dropped, queue } = create();
    await Promise.all([queue.close(1_000), queue.close(5)]);
    add(1);
    expect(dropped).toEqual([[1, "closed"]]);
    expect(clock.timers).toBe(0);
  });
});

/** What happens to a queue, in turn. */
const events = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 9 }) }) },
    { weight: 3, arbitrary: fc.record({ wait: fc.integer({ min: 0, max: 400 }) }) },
    {
      weight: 2,
      arbitrary: fc.record({ mood: fc.record({ takesMs: fc.nat(60), ok: fc.boolean() }) }),
    },
  ),
  { maxLength: 40 },
);

const anyLimits = fc.record({
  maxBatchSize: fc.integer({ min: 1, max: 7 }),
  maxCoalescingDelayMs: fc.nat(200),
  maxEntries: fc.integer({ min: 1, max: 20 }),
  maxBytes: fc.integer({ min: 1, max: 40 }),
  initialRetryDelayMs: fc.integer({ min: 1, max: 50 }),
  maxRetryDelayMs: fc.integer({ min: 1, max: 300 }),
  maxRetryTimeMs: fc.integer({ min: -1, max: 1_000 }),
  concurrency: fc.constantFrom(1, Number.POSITIVE_INFINITY),
});

describe("whatever happens", () => {
  async function play(
    limits: Partial<BatchQueueLimits>,
    steps: typeof events extends fc.Arbitrary<infer T> ? T : never,
  ) {
    const all = create(limits, () => 0.3);
    let added = 0;
    let most = { entries: 0, bytes: 0 };
    for (const step of steps) {
      if ("add" in step) {
        for (let left = step.add; left > 0; left--) {
          all.queue.add(added++, 1 + (added % 5));
          most = {
            entries: Math.max(most.entries, all.queue.entries),
            bytes: Math.max(most.bytes, all.queue.bytes),
          };
        }
      } else if ("wait" in step) await all.clock.advance(step.wait);
      else all.is(step.mood);
    }
    return { ...all, added, most };
  }

  it("never holds more than it may, and every entry arrives once or is counted as dropped", async () => {
    await fc.assert(
      fc.asyncProperty(anyLimits, events, async (limits, steps) => {
        const { added, arrived, clock, dropped, is, most, queue } = await play(limits, steps);
        expect(most.entries).toBeLessThanOrEqual(limits.maxEntries);
        expect(most.bytes).toBeLessThanOrEqual(limits.maxBytes);
        is(good);
        const closed = queue.close(100_000);
        await clock.advance(100_000);
        await closed;
        expect(new Set(arrived).size).toBe(arrived.length);
        expect(arrived.length + dropped.reduce((sum, [count]) => sum + count, 0)).toBe(added);
        if (limits.concurrency === 1) expect(arrived).toEqual([...arrived].sort((a, b) => a - b));
        expect([queue.entries, queue.bytes, clock.timers]).toEqual([0, 0, 0]);
      }),
      { numRuns: 200 },
    );
  });

  it("loses nothing while the other side answers within the retry time", async () => {
    const outages = fc.array(fc.tuple(fc.integer({ min: 1, max: 899 }), fc.nat(300)), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(anyLimits, outages, async (given, times) => {
        const limits = { ...given, maxEntries: 1_000, maxBytes: 10_000, maxRetryTimeMs: 900 };
        const { add, arrived, clock, dropped, is } = create(limits, () => 0.7);
        let added = 0;
        for (const [outageMs, calmMs] of times) {
          is(bad);
          add(added++, added++, added++);
          await clock.advance(outageMs);
          is(good);
          // Those that wait behind the one being tried begin their own time only when it is their turn.
          await clock.advance(calmMs + 900);
        }
        await clock.advance(10_000);
        expect(dropped).toEqual([]);
        expect(new Set(arrived)).toEqual(new Set(Array.from({ length: added }, (_, at) => at)));
        expect(arrived).toHaveLength(added);
      }),
      { numRuns: 100 },
    );
  });

  it("takes a hundred thousand entries without delay", async () => {
    const { clock, is, queue } = create({ maxEntries: 50_000 });
    is("hangs");
    const before = performance.now();
    for (let at = 0; at < 100_000; at++) queue.add(at, 1);
    expect(performance.now() - before).toBeLessThan(2_000);
    await clock.advance(0);
    await settled();
    expect(queue.entries).toBe(50_000);
  });
});
