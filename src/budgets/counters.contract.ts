/** What all counters hold to, wherever they count. */
import { describe, expect, it } from "vitest";
import type { Ask, Claim, Counter, Counters } from "./counters.ts";

let made = 0;

/** A counter that nobody has used; an hour, fixed, unless told otherwise. */
export function newCounter(facts: Partial<Counter> = {}): Counter {
  return { key: `counter-${process.pid}-${made++}`, sizeMs: 3_600_000, isSliding: false, ...facts };
}

export function claimOf(counter: Counter, limit: number, amount: number, facts: Partial<Claim> = {}): Claim {
  return { counter, limit, amount, needs: 1, isPenalty: false, ...facts };
}

/** Asks for all of these. */
export function askFor(...claims: readonly Claim[]): Ask {
  return { claims, required: claims.map((_, at) => at), alternatives: [[]] };
}

/** The same contract for each member; `open` makes counters that share with the others it makes. */
export function describeCounters(name: string, open: () => Promise<Counters>): void {
  describe(`counters of ${name}`, () => {
    const used = async (counters: Counters, counter: Counter) =>
      (await counters.reserve(askFor(claimOf(counter, 1e15, 0)))).states[0]?.used;

    it("let a request in while something is left, and count what it reserves", async () => {
      const counters = await open();
      const counter = newCounter();
      const ask = askFor(claimOf(counter, 100, 60));
      for (const [isGranted, before] of [
        [true, 0],
        [true, 60],
        [false, 120],
      ] as const) {
        const decision = await counters.reserve(ask);
        expect(decision).toMatchObject({ isGranted, hasRoom: [true], isLocal: false });
        expect(decision.states[0]?.used).toBe(before);
        expect(decision.states[0]?.resetAfterMs).toBeLessThanOrEqual(3_600_000);
      }
      expect(await used(counters, counter)).toBe(120);
    });

    it("let in only what fits whole, where that is asked for", async () => {
      const counters = await open();
      const counter = newCounter();
      const ask = askFor(claimOf(counter, 100, 40, { needs: 40 }));
      const granted = [await counters.reserve(ask), await counters.reserve(ask), await counters.reserve(ask)];
      expect(granted.map(({ isGranted }) => isGranted)).toEqual([true, true, false]);
      expect((await counters.reserve(askFor(claimOf(counter, 100, 20, { needs: 20 })))).isGranted).toBe(true);
      expect(await used(counters, counter)).toBe(100);
    });

    it("reserve everything or nothing", async () => {
      const counters = await open();
      const [wide, narrow] = [newCounter(), newCounter()];
      await counters.reserve(askFor(claimOf(narrow, 10, 10)));
      const refused = await counters.reserve(askFor(claimOf(wide, 100, 5), claimOf(narrow, 10, 5)));
      expect(refused.isGranted).toBe(false);
      expect(await used(counters, wide)).toBe(0);
      expect(await used(counters, narrow)).toBe(10);
    });

    it("leave out alternatives without room, and refuse where none is left", async () => {
      const counters = await open();
      const [all, first, second] = [newCounter(), newCounter(), newCounter()];
      const ask: Ask = {
        claims: [claimOf(all, 100, 1), claimOf(first, 5, 5), claimOf(second, 10, 5)],
        required: [0],
        alternatives: [[1], [2]],
      };
      const decide = async () => {
        const { hasRoom, isGranted } = await counters.reserve(ask);
        return [isGranted, ...hasRoom];
      };
      expect(await decide()).toEqual([true, true, true]);
      expect(await decide()).toEqual([true, false, true]);
      expect(await decide()).toEqual([false, false, false]);
      expect(await used(counters, all)).toBe(2);
      expect(await used(counters, first)).toBe(5);
      expect(await used(counters, second)).toBe(10);
    });

    it("give back what was not used, and add what was used beyond", async () => {
      const counters = await open();
      const counter = newCounter();
      const { states } = await counters.reserve(askFor(claimOf(counter, 100, 60)));
      const window = states[0]?.window;
      counters.change([{ counter, window, by: -50 }]);
      expect(await used(counters, counter)).toBe(10);
      counters.change([{ counter, window, by: 95 }]);
      expect((await counters.reserve(askFor(claimOf(counter, 100, 60)))).isGranted).toBe(false);
      counters.change([{ counter, window: undefined, by: 7 }]);
      expect(await used(counters, counter)).toBe(112);
    });

    it("count refused requests only where that is asked for", async () => {
      const counters = await open();
      const counter = newCounter();
      await counters.reserve(askFor(claimOf(counter, 1, 1, { isPenalty: true })));
      await counters.reserve(askFor(claimOf(counter, 1, 1, { isPenalty: true })));
      await counters.reserve(askFor(claimOf(counter, 1, 1)));
      expect(await used(counters, counter)).toBe(2);
    });

    it("count whole pico-USD exactly, also of thousands of USD", async () => {
      const counters = await open();
      const counter = newCounter();
      const pico = 4_503_599_627_370_497;
      await counters.reserve(askFor(claimOf(counter, 1e18, pico)));
      expect(await used(counters, counter)).toBe(pico);
    });

    it("let no more in at once than there is room for, among all that share", async () => {
      const all = await Promise.all([open(), open(), open()]);
      const counter = newCounter();
      const decisions = await Promise.all(
        Array.from({ length: 100 }, (_, at) =>
          all[at % all.length]?.reserve(askFor(claimOf(counter, 50, 7))),
        ),
      );
      // 7 × 8 is the first multiple that leaves nothing of 50.
      expect(decisions.filter((decision) => decision?.isGranted === true)).toHaveLength(8);
    });

    it("begin anew with the next window", async () => {
      const counters = await open();
      const counter = newCounter({ sizeMs: 200 });
      const ask = askFor(claimOf(counter, 10, 10));
      const first = await counters.reserve(ask);
      await new Promise((resolve) => setTimeout(resolve, (first.states[0]?.resetAfterMs ?? 0) + 20));
      expect((await counters.reserve(ask)).isGranted).toBe(true);
      counters.change([{ counter, window: first.states[0]?.window, by: -10 }]);
      expect(await used(counters, counter)).toBe(10);
    });
  });
}
