import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSingleFlight } from "./single-flight.ts";

function deferred<Value>() {
  const signals: AbortSignal[] = [];
  let settle: { resolve: (value: Value) => void; reject: (error: unknown) => void } | undefined;
  const start = (signal: AbortSignal) => {
    signals.push(signal);
    return new Promise<Value>((resolve, reject) => {
      settle = { resolve, reject };
    });
  };
  return {
    start,
    signals,
    resolve: (value: Value) => settle?.resolve(value),
    reject: (error: unknown) => settle?.reject(error),
  };
}

const never = () => new AbortController().signal;

describe("single flight", () => {
  it("starts once for concurrent callers and gives all of them the answer", async () => {
    const flights = createSingleFlight<string, number>();
    const work = deferred<number>();
    const calls = [1, 2, 3].map(() => flights.run("a", never(), work.start));
    work.resolve(7);
    expect(await Promise.all(calls)).toEqual([7, 7, 7]);
    expect(work.signals).toHaveLength(1);
    expect(flights.has("a")).toBe(false);
  });

  it("keeps keys apart", async () => {
    const flights = createSingleFlight<string, string>();
    const answers = await Promise.all(["a", "b"].map((key) => flights.run(key, never(), async () => key)));
    expect(answers).toEqual(["a", "b"]);
  });

  it("fails all callers with the work's error and starts anew afterwards", async () => {
    const flights = createSingleFlight<string, number>();
    const work = deferred<number>();
    const calls = [1, 2].map(() => flights.run("a", never(), work.start));
    work.reject(new Error("down"));
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(["rejected", "rejected"]);
    expect(await flights.run("a", never(), async () => 9)).toBe(9);
  });

  it("rejects when the start itself throws", async () => {
    const flights = createSingleFlight<string, number>();
    const call = flights.run("a", never(), () => {
      throw new Error("no start");
    });
    await expect(call).rejects.toThrow("no start");
    expect(flights.has("a")).toBe(false);
  });

  it("does not start for a caller that is already gone", async () => {
    const flights = createSingleFlight<string, number>();
    const work = deferred<number>();
    await expect(flights.run("a", AbortSignal.abort("gone"), work.start)).rejects.toBe("gone");
    expect(work.signals).toHaveLength(0);
  });

  it("starts new work for a key whose last caller has left, and the old work does not disturb it", async () => {
    const flights = createSingleFlight<string, number>();
    const old = deferred<number>();
    const leaver = new AbortController();
    const left = flights.run("a", leaver.signal, old.start);
    leaver.abort("bye");
    await expect(left).rejects.toBe("bye");
    const fresh = deferred<number>();
    const call = flights.run("a", never(), fresh.start);
    old.reject(new Error("aborted"));
    await Promise.resolve();
    expect(flights.has("a")).toBe(true);
    fresh.resolve(2);
    expect(await call).toBe(2);
  });

  it("aborts the work exactly when the last of any number of callers has left", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 8 }), async (leaves) => {
        const flights = createSingleFlight<string, number>();
        const work = deferred<number>();
        const callers = leaves.map(() => new AbortController());
        const calls = callers.map((caller) => flights.run("a", caller.signal, work.start));
        leaves.forEach((isLeaving, i) => {
          if (isLeaving) callers[i]?.abort(`left ${i}`);
        });
        expect(work.signals[0]?.aborted).toBe(leaves.every(Boolean));
        work.resolve(1);
        const outcomes = await Promise.allSettled(calls);
        outcomes.forEach((outcome, i) => {
          expect(outcome).toEqual(
            leaves[i] ? { status: "rejected", reason: `left ${i}` } : { status: "fulfilled", value: 1 },
          );
        });
      }),
    );
  });
});
