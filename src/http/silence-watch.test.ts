import { describe, expect, it } from "vitest";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { SilenceWatch } from "./silence-watch.ts";

function watch(timeoutMs: number) {
  const clock = createFakeClock();
  const silences: number[] = [];
  return { clock, silences, watch: new SilenceWatch(clock, timeoutMs, () => silences.push(clock.now())) };
}

describe("SilenceWatch", () => {
  it("notices a silence to the millisecond, counted from the last sound", async () => {
    const { clock, silences, watch: ears } = watch(100);
    ears.start();
    for (let at = 0; at < 5; at++) {
      await clock.advance(99);
      ears.heard();
    }
    expect(silences).toEqual([]);
    await clock.advance(99);
    expect(silences).toEqual([]);
    await clock.advance(1);
    expect(silences).toEqual([595]);
    expect(clock.timers).toBe(0);
  });

  it("does not listen while it is stopped, and begins anew after", async () => {
    const { clock, silences, watch: ears } = watch(100);
    ears.start();
    await clock.advance(90);
    ears.stop();
    expect(clock.timers).toBe(0);
    await clock.advance(1000);
    ears.start();
    await clock.advance(99);
    expect(silences).toEqual([]);
    await clock.advance(1);
    expect(silences).toEqual([1190]);
  });

  it("has one timer, however often it is started", () => {
    const { clock, watch: ears } = watch(100);
    ears.start();
    ears.start();
    expect(clock.timers).toBe(1);
    ears.stop();
    expect(clock.timers).toBe(0);
  });
});
