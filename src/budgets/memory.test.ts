import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBudgetCounts } from "./budget-counts.ts";
import { askFor, claimOf, describeCounters, newCounter } from "./counters.contract.ts";
import { Counts } from "./counts.ts";
import { memoryCounters } from "./memory.ts";
import { windowAt } from "./window.ts";

const budgets = createBudgetCounts();
describeCounters("memory", async () => memoryCounters("plugin", { budgets, wallClock: () => Date.now() }));

interface Step {
  readonly kind: "ask" | "end";
  /** Milliseconds since the step before. */
  readonly after: number;
  readonly actual: number;
  readonly which: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom("ask", "end"),
  after: fc.nat(400),
  actual: fc.integer({ min: 0, max: 50 }),
  which: fc.nat(1000),
});

const sizeMs = 1000;
/** What every request is expected to use; none uses more. */
const expected = 50;

interface LetIn {
  readonly at: number;
  readonly window: number;
  used: number;
}

/** Lets requests in and ends them as the steps say; gives back those that were let in, with what they used. */
function run(steps: readonly Step[], limit: number, isSliding: boolean, needs = 1): readonly LetIn[] {
  const counter = newCounter({ sizeMs, isSliding });
  const counts = new Counts();
  const all: LetIn[] = [];
  const running: LetIn[] = [];
  let at = 10_000;
  for (const { actual, after, kind, which } of steps) {
    at += after;
    if (kind === "ask") {
      const decision = counts.reserve(askFor(claimOf(counter, limit, expected, { needs })), at, false);
      expect(decision.isGranted).toBe((decision.states[0]?.used ?? 0) + needs <= limit);
      if (!decision.isGranted) continue;
      const request = { at, window: windowAt(counter, at), used: expected };
      all.push(request);
      running.push(request);
    } else {
      const [request] = running.splice(which % Math.max(1, running.length), 1);
      if (request === undefined) continue;
      request.used = actual;
      counts.change([{ counter, window: request.window, by: actual - expected }], at);
    }
  }
  return all;
}

const usedIn = (requests: readonly LetIn[], isIn: (request: LetIn) => boolean) =>
  requests.filter(isIn).reduce((sum, { used }) => sum + used, 0);

describe("reserving and settling, in any order", () => {
  const runs = fc.tuple(fc.array(step, { maxLength: 80 }), fc.integer({ min: 1, max: 200 }));

  it.each([
    ["fixed", false],
    ["sliding", true],
  ])("lets into a %s window no more than the limit and one request beyond it", (_, isSliding) => {
    fc.assert(
      fc.property(runs, ([steps, limit]) => {
        const requests = run(steps, limit, isSliding);
        for (const { window } of requests)
          expect(usedIn(requests, (each) => each.window === window)).toBeLessThan(limit + expected);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ["fixed", false],
    ["sliding", true],
  ])("lets into a %s window no more than the limit, where everything has to fit", (_, isSliding) => {
    fc.assert(
      fc.property(runs, ([steps, limit]) => {
        const requests = run(steps, limit, isSliding, expected);
        for (const { window } of requests)
          expect(usedIn(requests, (each) => each.window === window)).toBeLessThanOrEqual(limit);
      }),
      { numRuns: 1_000 },
    );
  });

  it("lets into any stretch of a window's length less than twice that, as sliding windows weigh", () => {
    fc.assert(
      fc.property(runs, ([steps, limit]) => {
        const requests = run(steps, limit, true);
        for (const { at: end } of requests)
          expect(usedIn(requests, ({ at }) => at > end - sizeMs && at <= end)).toBeLessThan(
            2 * (limit + expected),
          );
      }),
      { numRuns: 1_000 },
    );
  });

  it("ends at what was used, to the unit", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ expected: fc.nat(1e6), actual: fc.nat(1e6) }), { maxLength: 50 }),
        (requests) => {
          const counter = newCounter();
          const counts = new Counts();
          for (const { expected } of requests)
            counts.reserve(askFor(claimOf(counter, Number.MAX_SAFE_INTEGER, expected)), 5, false);
          for (const { actual, expected } of requests)
            counts.change([{ counter, window: 0, by: actual - expected }], 9);
          const total = requests.reduce((sum, { actual }) => sum + actual, 0);
          expect(counts.find(counter.key)?.own.current ?? 0).toBe(total);
        },
      ),
    );
  });
});

describe("the counts of a process", () => {
  it("forgets what counts for nothing any more", () => {
    const counts = new Counts();
    for (let at = 0; at < 10_000; at++)
      counts.reserve(askFor(claimOf(newCounter({ sizeMs: 100 }), 1, 1)), at * 10, false);
    expect(counts.size).toBeLessThan(1_100);
  });
});

describe("the counts of one gateway", () => {
  it("outlive a reload, and are forgotten with the last that holds them", async () => {
    const processCounts = createBudgetCounts();
    const services = { budgets: processCounts, wallClock: () => 1_000 };
    const counter = newCounter();
    const ask = askFor(claimOf(counter, 10, 10));
    const first = memoryCounters("a", services);
    expect((await first.reserve(ask)).isGranted).toBe(true);
    const second = memoryCounters("a", services);
    await first.close();
    await first.close();
    expect((await second.reserve(ask)).isGranted).toBe(false);
    expect((await memoryCounters("b", services).reserve(ask)).isGranted).toBe(true);
    await second.close();
    expect((await memoryCounters("a", services).reserve(ask)).isGranted).toBe(true);
  });

  it("are told to other workers, who add theirs, also of counters they have not used yet", async () => {
    const wallClock = () => 1_000;
    const [mine, theirs] = [createBudgetCounts(), createBudgetCounts()];
    const owners: string[] = [];
    mine.onChange((owner) => owners.push(owner));
    const counter = newCounter();
    const ask = askFor(claimOf(counter, 10, 6));
    await memoryCounters("a", { budgets: mine, wallClock }).reserve(ask);
    const [owner = ""] = owners;
    expect(owner).toBe("budget a");
    const rows = mine.tell(owner);
    expect(rows).toEqual({ [counter.key]: [0, 6, 0] });
    const worker = memoryCounters("a", { budgets: theirs, wallClock });
    theirs.hear(owner, [{ rows, clockOffsetMs: 0, isAlive: true }], 20);
    expect((await worker.reserve(ask)).states[0]?.used).toBe(6);
    expect((await worker.reserve(ask)).isGranted).toBe(false);
    theirs.hear(owner, [], 20);
    expect((await worker.reserve(ask)).isGranted).toBe(true);
  });
});
