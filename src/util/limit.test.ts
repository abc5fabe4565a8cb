import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLimit } from "./limit.ts";

describe("limit", () => {
  it("never runs more than max tasks, runs all of them, and starts them in order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.record({ turns: fc.integer({ min: 1, max: 4 }), fails: fc.boolean() }), {
          maxLength: 30,
        }),
        async (max, tasks) => {
          const limit = createLimit(max);
          let running = 0;
          let peak = 0;
          const started: number[] = [];
          const outcomes = await Promise.allSettled(
            tasks.map(({ turns, fails }, index) =>
              limit(async () => {
                started.push(index);
                peak = Math.max(peak, ++running);
                for (let i = 0; i < turns; i++) await Promise.resolve();
                running--;
                if (fails) throw new Error("failed");
                return index;
              }),
            ),
          );
          expect(peak).toBe(Math.min(max, tasks.length));
          expect(started).toEqual(tasks.map((_, index) => index));
          expect(outcomes.map((outcome) => outcome.status === "rejected")).toEqual(tasks.map((t) => t.fails));
        },
      ),
    );
  });

  it("gives a waiting place up on abort without running the task or losing the place", async () => {
    const limit = createLimit(1);
    let release = () => {};
    const first = limit(() => new Promise<void>((resolve) => (release = resolve)));
    const leaver = new AbortController();
    let hasRun = false;
    const second = limit(async () => {
      hasRun = true;
    }, leaver.signal);
    const third = limit(async () => "third");
    leaver.abort("gone");
    await expect(second).rejects.toBe("gone");
    await Promise.resolve();
    release();
    await first;
    expect(await third).toBe("third");
    expect(hasRun).toBe(false);
  });

  it("refuses a caller that is already gone", async () => {
    await expect(createLimit(1)(async () => 1, AbortSignal.abort("gone"))).rejects.toBe("gone");
  });

  it("refuses a limit under which nothing could run", () => {
    expect(() => createLimit(0)).toThrow("at least 1");
    expect(() => createLimit(Number.NaN)).toThrow("at least 1");
  });
});
