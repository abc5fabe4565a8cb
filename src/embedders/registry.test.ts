import { describe, expect, it } from "vitest";
import { down, failure, never, setUp } from "../../test/support/embedding-registry.ts";
import { createFakeEmbedder } from "../../test/support/fake-embedder.ts";

describe("embedPrompt", () => {
  it("embeds once and answers from the cache at once afterwards", async () => {
    const { embedder, handle, stats } = setUp({ vectors: { hello: [3, 4] } });
    embedder.tokensPerText = 7;
    const first = await handle.embedPrompt("hello", never());
    expect(first).toMatchObject({ cached: false, inputTokens: 7 });
    expect([...first.vector].map((x) => x.toFixed(2))).toEqual(["0.60", "0.80"]);
    const second = handle.embedPrompt("hello", never());
    expect(second).not.toBeInstanceOf(Promise);
    expect(second).toEqual({ vector: first.vector, cached: true, latencyMs: 0 });
    expect(embedder.calls).toEqual([["hello"]]);
    expect(stats()).toMatchObject({ hits: 1, misses: 1, inputTokens: 7, entries: 1 });
  });

  it("costs what its tokens cost, descriptions included; nothing is known without a price", async () => {
    const { embedder, registry, handle, stats } = setUp();
    embedder.tokensPerText = 500;
    await handle.embedPrompt("hello", never());
    expect(stats().costUsd).toBeUndefined();
    const priced = registry.acquire(embedder, { inputCost: 0.02 });
    await priced.embedDescriptions(["a", "b", "c"], never());
    expect(stats()).toMatchObject({ inputTokens: 2000 });
    expect(stats().costUsd).toBeCloseTo(0.00004, 12);
    registry.acquire(embedder, {});
    expect(stats().costUsd).toBeCloseTo(0.00004, 12);
  });

  it("needs no promise for an embedder without I/O", () => {
    const { embedder, handle, stats } = setUp({ isLocal: true });
    const first = handle.embedPrompt("hello", never());
    expect(first).toMatchObject({ cached: false });
    expect(handle.embedPrompt("hello", never())).toMatchObject({ cached: true });
    expect(embedder.calls).toHaveLength(1);
    expect(stats()).toMatchObject({ hits: 1, misses: 1 });
  });

  it("rejects, and does not throw, when an embedder without I/O fails", async () => {
    const { embedder, handle } = setUp({ isLocal: true });
    embedder.failNext(new RangeError("the prompt was: hello"));
    const error = await failure(handle.embedPrompt("hello", never()));
    expect(error.kind).toBe("vendor");
    expect(error.message).not.toContain("hello");
    expect(error.cause).toBeInstanceOf(RangeError);
  });

  it("measures how long the embedder took", async () => {
    const { clock, embedder, handle } = setUp();
    embedder.latencyMs = 120;
    const call = handle.embedPrompt("hello", never());
    await clock.advance(120);
    expect((await call).latencyMs).toBe(120);
    expect(clock.timers).toBe(0);
  });

  it("shares one call between equal prompts, and charges its tokens once", async () => {
    const { clock, embedder, handle, registry, stats } = setUp();
    const other = registry.acquire(createFakeEmbedder(), { timeoutMs: 500 });
    Object.assign(embedder, { latencyMs: 10, tokensPerText: 5 });
    const calls = [handle, other, handle].map((each) => each.embedPrompt("same", never()));
    await clock.advance(10);
    const results = await Promise.all(calls);
    expect(embedder.calls).toHaveLength(1);
    expect(new Set(results.map(({ vector }) => vector)).size).toBe(1);
    expect(results.map(({ inputTokens }) => inputTokens)).toEqual([5, 0, 0]);
    expect(stats()).toMatchObject({ misses: 1, shared: 2, inputTokens: 5 });
  });

  it("lets one caller leave without harm to the others, and aborts the call when all have left", async () => {
    const { clock, embedder, handle, stats } = setUp();
    embedder.latencyMs = 100;
    const callers = [new AbortController(), new AbortController()];
    const calls = callers.map((caller) => handle.embedPrompt("same", caller.signal));
    callers[0]?.abort();
    expect((await failure(calls[0])).kind).toBe("aborted");
    expect(embedder.signals[0]?.aborted).toBe(false);
    await clock.advance(100);
    expect(await calls[1]).toMatchObject({ cached: false });

    const leavers = [new AbortController(), new AbortController()];
    const lost = leavers.map((caller) => failure(handle.embedPrompt("other", caller.signal)));
    for (const leaver of leavers) leaver.abort();
    expect((await Promise.all(lost)).map(({ kind }) => kind)).toEqual(["aborted", "aborted"]);
    expect(embedder.signals[1]?.aborted).toBe(true);
    expect(stats().failures).toBe(0);
    expect(clock.timers).toBe(0);
  });

  it("times out by each caller's own deadline, even when the embedder ignores its signal", async () => {
    const { clock, embedder, handle, registry, stats } = setUp();
    const patient = registry.acquire(createFakeEmbedder(), { timeoutMs: 5000 });
    embedder.hangs = true;
    const short = failure(handle.embedPrompt("same", never()));
    const long = failure(patient.embedPrompt("same", never()));
    await clock.advance(2000);
    expect(await short).toMatchObject({
      kind: "timeout",
      message: "no embedding from fake/fixed within 2000 ms",
    });
    expect(embedder.signals[0]?.aborted).toBe(false);
    await clock.advance(3000);
    expect((await long).kind).toBe("timeout");
    expect(embedder.signals[0]?.aborted).toBe(true);
    expect(stats().failures).toBe(1);
  });

  it("does not keep a failure: the next prompt tries again", async () => {
    const { embedder, handle } = setUp();
    embedder.failNext(down());
    expect((await failure(handle.embedPrompt("hello", never()))).message).toBe("fake answered 503");
    expect(await handle.embedPrompt("hello", never())).toMatchObject({ cached: false });
  });

  it("does not pass on what an unknown error says", async () => {
    const { embedder, handle } = setUp();
    embedder.failNext(new TypeError("bad text: my secret prompt"));
    const error = await failure(handle.embedPrompt("my secret prompt", never()));
    expect(error.message).toBe("fake/fixed failed unexpectedly");
  });

  it("refuses an embedder's answer with the wrong number of vectors", async () => {
    const { handle, embedder } = setUp();
    embedder.embed = async () => ({ vectors: [] });
    expect((await failure(handle.embedPrompt("hello", never()))).kind).toBe("invalid");
  });

  it("keeps only as many prompts as its bounds allow", async () => {
    const { embedder, handle, stats } = setUp({}, { maxEntries: 2, maxBytes: 1e6 });
    for (const text of ["a", "b", "c", "a"]) await handle.embedPrompt(text, never());
    expect(embedder.calls).toHaveLength(4);
    expect(stats().entries).toBe(2);
  });
});

describe("spaces", () => {
  it("keep their caches over a reload that releases before it acquires", async () => {
    const { handle, registry } = setUp();
    await handle.embedPrompt("hello", never());
    handle.release();
    handle.release();
    const next = registry.acquire(createFakeEmbedder(), {});
    expect(next.embedPrompt("hello", never())).toMatchObject({ cached: true });
  });

  it("are dropped when idle for long, but never while in use", async () => {
    const { handle, registry } = setUp();
    await handle.embedPrompt("hello", never());
    for (let i = 0; i < 10; i++)
      registry.acquire(createFakeEmbedder({ space: `passing ${i}` }), {}).release();
    expect(registry.stats().map(({ space }) => space)).toEqual([
      "fake",
      "passing 6",
      "passing 7",
      "passing 8",
      "passing 9",
    ]);
    expect(handle.embedPrompt("hello", never())).toMatchObject({ cached: true });
  });

  it("still serve a released handle, whose exchanges run out", async () => {
    const { handle } = setUp();
    handle.release();
    expect(await handle.embedPrompt("hello", never())).toMatchObject({ cached: false });
    expect(await handle.embedDescriptions(["a"], never())).toHaveLength(1);
  });
});
