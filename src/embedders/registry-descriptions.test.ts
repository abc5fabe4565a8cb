import { describe, expect, it } from "vitest";
import { down, failTimes, failure, never, setUp } from "../../test/support/embedding-registry.ts";
import { settled } from "../../test/support/fake-clock.ts";
import { createFakeEmbedder } from "../../test/support/fake-embedder.ts";
import { EmbeddingError } from "./embedding-error.ts";
import { failuresToOpen } from "./engine/breaker.ts";
import { maxIdleDescriptions } from "./engine/description-cache.ts";

describe("embedDescriptions", () => {
  it("answers in order, and embeds repeated texts once", async () => {
    const { embedder, handle } = setUp({ vectors: { a: [1, 0], b: [0, 1] } });
    const vectors = await handle.embedDescriptions(["b", "a", "b"], never());
    expect(vectors.map((vector) => [...vector])).toEqual([
      [0, 1],
      [1, 0],
      [0, 1],
    ]);
    expect(embedder.calls).toEqual([["b", "a"]]);
    expect(await handle.embedDescriptions([], never())).toEqual([]);
  });

  it("embeds after a reload only what changed, whichever config goes first", async () => {
    const { embedder, handle, registry, stats } = setUp();
    await handle.embedDescriptions(["a", "b", "c"], never());
    const next = registry.acquire(createFakeEmbedder(), {});
    await next.embedDescriptions(["a", "b", "d"], never());
    handle.release();
    next.release();
    const last = createFakeEmbedder();
    await registry.acquire(last, {}).embedDescriptions(["d", "c", "e"], never());
    expect(embedder.calls).toEqual([["a", "b", "c"]]);
    expect(last.calls).toEqual([["e"]]);
    expect(stats()).toMatchObject({ descriptionCalls: 3, descriptionsEmbedded: 5, descriptions: 5 });
  });

  it("cuts batches to the embedder's size and runs four at a time", async () => {
    const { clock, embedder, handle } = setUp({ maxBatch: 10 });
    embedder.latencyMs = 100;
    const texts = Array.from({ length: 95 }, (_, i) => `text ${i}`);
    const call = handle.embedDescriptions(texts, never());
    await settled();
    expect(embedder.calls).toHaveLength(4);
    await clock.advance(100);
    expect(embedder.calls).toHaveLength(8);
    await clock.advance(200);
    expect(await call).toHaveLength(95);
    expect(embedder.calls.map((batch) => batch.length)).toEqual([10, 10, 10, 10, 10, 10, 10, 10, 10, 5]);
    expect(embedder.calls.flat()).toEqual(texts);
    expect(clock.timers).toBe(0);
  });

  it("retries with growing waits, whatever the breaker says, and tells the operator", async () => {
    const { clock, embedder, handle, lines } = setUp();
    embedder.failNext(down(), failuresToOpen);
    await failTimes(handle, failuresToOpen);
    embedder.failNext(down(), 3);
    const call = handle.embedDescriptions(["a"], never());
    await settled();
    const before = embedder.calls.length;
    // Half of 500, 1000 and 2000 ms, since random is 0.
    for (const [wait, calls] of [
      [249, 0],
      [1, 1],
      [499, 1],
      [1, 2],
      [999, 2],
      [1, 3],
    ] as const) {
      await clock.advance(wait);
      expect(embedder.calls.length - before).toBe(calls);
    }
    expect(await call).toHaveLength(1);
    expect(lines.filter(({ message }) => message.includes("could not be embedded yet"))).toHaveLength(3);
  });

  it("gives up after four tries with the last failure", async () => {
    const { clock, embedder, handle, stats } = setUp();
    embedder.failNext(down(), 4);
    const call = failure(handle.embedDescriptions(["a"], never()));
    await clock.advance(60_000);
    expect((await call).message).toBe("fake answered 503");
    expect(embedder.calls).toHaveLength(4);
    expect(stats()).toMatchObject({ descriptionFailures: 4, breaker: "closed" });
  });

  it("stops its other batches when one has failed for good", async () => {
    const { clock, embedder, handle } = setUp({ maxBatch: 1 });
    embedder.failNext(new EmbeddingError("vendor", "fake answered 401", { status: 401 }));
    const texts = Array.from({ length: 40 }, (_, i) => `text ${i}`);
    embedder.hangs = true;
    expect((await failure(handle.embedDescriptions(texts, never()))).status).toBe(401);
    await settled();
    expect(embedder.calls.length).toBeLessThan(10);
    expect(embedder.signals.slice(1).every(({ aborted }) => aborted)).toBe(true);
    expect(clock.timers).toBe(0);
  });

  it("does not retry what cannot get better", async () => {
    const { embedder, handle } = setUp();
    embedder.failNext(new EmbeddingError("vendor", "fake answered 401", { status: 401 }));
    expect((await failure(handle.embedDescriptions(["a"], never()))).status).toBe(401);
    expect(embedder.calls).toHaveLength(1);
  });

  it("waits as long as the vendor asks, unless that is too long", async () => {
    const { clock, embedder, handle } = setUp();
    const limited = (retryAfterMs: number) =>
      new EmbeddingError("vendor", "fake answered 429", { status: 429, isRetryable: true, retryAfterMs });
    embedder.failNext(limited(20_000));
    const call = handle.embedDescriptions(["a"], never());
    await clock.advance(19_999);
    expect(embedder.calls).toHaveLength(1);
    await clock.advance(1);
    await call;
    embedder.failNext(limited(31_000));
    expect((await failure(handle.embedDescriptions(["b"], never()))).status).toBe(429);
    expect(clock.timers).toBe(0);
  });

  it("gives a batch more time than a prompt", async () => {
    const { clock, embedder, handle } = setUp();
    embedder.latencyMs = 14_000;
    const call = handle.embedDescriptions(["a"], never());
    await clock.advance(14_000);
    expect(await call).toHaveLength(1);
    embedder.latencyMs = 16_000;
    const late = failure(handle.embedDescriptions(["b"], never()));
    await clock.advance(100_000);
    expect(await late).toMatchObject({ kind: "timeout" });
    expect(clock.timers).toBe(0);
  });

  it("embeds a text once for two configs that start together, and survives one of them leaving", async () => {
    const { clock, embedder, handle, registry } = setUp();
    const second = createFakeEmbedder({ clock });
    const other = registry.acquire(second, {});
    embedder.latencyMs = 50;
    const both = [
      handle.embedDescriptions(["a", "b"], never()),
      other.embedDescriptions(["b", "c"], never()),
    ];
    await clock.advance(50);
    await Promise.all(both);
    expect([embedder.calls, second.calls]).toEqual([[["a", "b"]], [["c"]]]);

    const leaver = new AbortController();
    const left = failure(handle.embedDescriptions(["x"], leaver.signal));
    const stayed = other.embedDescriptions(["x"], never());
    await settled();
    leaver.abort();
    expect((await left).kind).toBe("aborted");
    expect(await stayed).toHaveLength(1);
    expect(second.calls.at(-1)).toEqual(["x"]);
  });

  it("stops at once when its caller leaves, in a call, in a wait, or in the queue", async () => {
    const { clock, embedder, handle } = setUp({ maxBatch: 1 });
    const leave = async (ms: number, texts: readonly string[]) => {
      const caller = new AbortController();
      const call = failure(handle.embedDescriptions(texts, caller.signal));
      await clock.advance(ms);
      caller.abort();
      expect((await call).kind).toBe("aborted");
      await settled();
      expect(clock.timers).toBe(0);
    };
    embedder.latencyMs = 1000;
    await leave(500, ["a", "b", "c", "d", "e", "f"]);
    expect(embedder.calls).toHaveLength(4);
    embedder.latencyMs = 0;
    embedder.failNext(down());
    await leave(100, ["g"]);
    expect(embedder.calls).toHaveLength(5);
  });

  it("never forgets what a live config refers to, and forgets the oldest of the rest", async () => {
    const { embedder, handle, registry, stats } = setUp({ maxBatch: 1000 });
    await handle.embedDescriptions(["kept"], never());
    const passing = registry.acquire(createFakeEmbedder({ maxBatch: 1000 }), {});
    const texts = Array.from({ length: maxIdleDescriptions + 10 }, (_, i) => `text ${i}`);
    await passing.embedDescriptions(texts, never());
    expect(stats().descriptions).toBe(texts.length + 1);
    passing.release();
    expect(stats().descriptions).toBe(maxIdleDescriptions + 1);
    await handle.embedDescriptions(["kept", "text 9", "text 10"], never());
    expect(embedder.calls).toEqual([["kept"], ["text 9"]]);
  });
});
