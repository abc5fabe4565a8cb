import { describe, expect, it } from "vitest";
import { down, failTimes, failure, never, setUp } from "../../test/support/embedding-registry.ts";
import { createFakeEmbedder } from "../../test/support/fake-embedder.ts";
import { EmbeddingError } from "./embedding-error.ts";
import { failuresToOpen, openMs } from "./engine/breaker.ts";

describe("the breaker around prompts", () => {
  it("stops calling after repeated failures, says why, and recovers through one probe", async () => {
    const { clock, embedder, handle, lines, stats } = setUp();
    embedder.failNext(down(), failuresToOpen);
    await failTimes(handle, failuresToOpen);
    const refused = await failure(handle.embedPrompt("x", never()));
    expect(refused.kind).toBe("breaker_open");
    expect(refused.message).toContain("fake answered 503");
    expect(refused.message).toContain(`next try in ${openMs} ms`);
    expect(embedder.calls).toHaveLength(failuresToOpen);
    expect(stats()).toMatchObject({ breaker: "open", failures: failuresToOpen, refused: 1 });

    await clock.advance(openMs);
    expect(await handle.embedPrompt("x", never())).toMatchObject({ cached: false });
    expect(stats().breaker).toBe("closed");
    expect(lines.map(({ level }) => level)).toEqual(["warn", "info"]);
    expect(JSON.stringify(lines[0])).toContain("fake answered 503");
  });

  it("still serves cached prompts while it is open", async () => {
    const { embedder, handle } = setUp();
    await handle.embedPrompt("known", never());
    embedder.failNext(down(), failuresToOpen);
    await failTimes(handle, failuresToOpen);
    expect(handle.embedPrompt("known", never())).toMatchObject({ cached: true });
  });

  it("opens on timeouts, which count once for a call however many waited", async () => {
    const { clock, embedder, handle, stats } = setUp();
    embedder.hangs = true;
    for (let i = 0; i < failuresToOpen; i++) {
      expect(stats().breaker).toBe("closed");
      const waiting = [1, 2, 3].map(() => failure(handle.embedPrompt(`p${i}`, never())));
      await clock.advance(2000);
      await Promise.all(waiting);
    }
    expect(stats()).toMatchObject({ breaker: "open", failures: failuresToOpen });
  });

  it("is not opened by clients that leave, nor by texts the vendor refuses", async () => {
    const { embedder, handle, stats } = setUp();
    embedder.latencyMs = 10;
    for (let i = 0; i < 10; i++) {
      const caller = new AbortController();
      const left = failure(handle.embedPrompt(`p${i}`, caller.signal));
      caller.abort();
      await left;
    }
    embedder.latencyMs = 0;
    embedder.failNext(new EmbeddingError("vendor", "fake answered 400", { status: 400 }), 10);
    await failTimes(handle, 10);
    expect(stats()).toMatchObject({ breaker: "closed", failures: 10 });
  });

  it("lets the next prompt probe when the probe's client left", async () => {
    const { clock, embedder, handle, stats } = setUp();
    embedder.failNext(down(), failuresToOpen);
    await failTimes(handle, failuresToOpen);
    await clock.advance(openMs);
    embedder.latencyMs = 10;
    const caller = new AbortController();
    const probe = failure(handle.embedPrompt("a", caller.signal));
    expect((await failure(handle.embedPrompt("b", never()))).message).toContain("a try is under way");
    caller.abort();
    await probe;
    embedder.latencyMs = 0;
    await handle.embedPrompt("c", never());
    expect(stats().breaker).toBe("closed");
  });

  it("is one for all handles of a space and none of another's", async () => {
    const { embedder, handle, registry } = setUp();
    embedder.failNext(down(), failuresToOpen);
    await failTimes(handle, failuresToOpen);
    const same = registry.acquire(createFakeEmbedder(), {});
    const other = registry.acquire(createFakeEmbedder({ space: "other" }), {});
    expect((await failure(same.embedPrompt("x", never()))).kind).toBe("breaker_open");
    expect(await other.embedPrompt("x", never())).toMatchObject({ cached: false });
  });
});
