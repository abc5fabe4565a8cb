import { describe, expect, it } from "vitest";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { pause, untilAborted, withDeadline } from "./deadline.ts";

function setUp() {
  const clock = createFakeClock();
  const caller = new AbortController();
  const options = {
    signal: caller.signal,
    timeoutMs: 100,
    schedule: clock.schedule,
    timedOut: () => new Error("timed out"),
    left: () => new Error("left"),
  };
  return { clock, caller, options };
}

describe("withDeadline", () => {
  it("answers in time and leaves no timer behind", async () => {
    const { clock, options } = setUp();
    expect(await withDeadline(options, async () => 5)).toBe(5);
    expect(clock.timers).toBe(0);
  });

  it("rejects at the deadline even when the work does not react, and aborts the work's signal", async () => {
    const { clock, options } = setUp();
    let inner: AbortSignal | undefined;
    const call = withDeadline(options, (signal) => {
      inner = signal;
      return new Promise(() => {});
    });
    const outcome = expect(call).rejects.toThrow("timed out");
    await clock.advance(99);
    expect(inner?.aborted).toBe(false);
    await clock.advance(1);
    await outcome;
    expect(inner?.aborted).toBe(true);
  });

  it("rejects when the caller leaves and leaves no timer behind", async () => {
    const { clock, caller, options } = setUp();
    const call = withDeadline(options, () => new Promise(() => {}));
    caller.abort();
    await expect(call).rejects.toThrow("left");
    expect(clock.timers).toBe(0);
  });

  it("does not begin for a caller who has left", async () => {
    const { caller, options } = setUp();
    caller.abort();
    let hasBegun = false;
    const call = withDeadline(options, async () => {
      hasBegun = true;
    });
    await expect(call).rejects.toThrow("left");
    expect(hasBegun).toBe(false);
  });

  it("passes the work's own failure on", async () => {
    const { clock, options } = setUp();
    const call = withDeadline(options, async () => {
      throw new Error("own");
    });
    await expect(call).rejects.toThrow("own");
    expect(clock.timers).toBe(0);
  });
});

describe("untilAborted", () => {
  it("prefers the signal's reason to a rejection that the abort itself causes", async () => {
    const controller = new AbortController();
    const work = new Promise((_, reject) => {
      controller.signal.addEventListener("abort", () => reject(new Error("consequence")));
    });
    const call = untilAborted(work, controller.signal);
    controller.abort(new Error("reason"));
    await expect(call).rejects.toThrow("reason");
  });
});

describe("pause", () => {
  it("ends at its time, or at once when aborted, leaving no timer", async () => {
    const clock = createFakeClock();
    const controller = new AbortController();
    const first = pause(50, controller.signal, clock.schedule);
    await clock.advance(50);
    await first;
    const second = pause(50, controller.signal, clock.schedule);
    controller.abort("gone");
    await expect(second).rejects.toBe("gone");
    await expect(pause(50, controller.signal, clock.schedule)).rejects.toBe("gone");
    expect(clock.timers).toBe(0);
  });
});
