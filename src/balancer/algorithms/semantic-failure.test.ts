import { describe, expect, it } from "vitest";
import { createTargets } from "../../../test/support/balancing.ts";
import { settled } from "../../../test/support/fake-clock.ts";
import { createSemantic, startSemantic, towards } from "../../../test/support/semantic-balancer.ts";
import { EmbeddingError } from "../../embedders/embedding-error.ts";
import { GatewayError } from "../../errors.ts";
import { memory } from "../../vector-stores/memory.ts";
import type { VectorStore } from "../../vector-stores/vector-store.ts";

const embedder = { vectors: { python: towards(1, 0), it: towards(0, 1), "near it": towards(0.2, 0.8) } };

const three = createTargets([
  { name: "py", description: "python", inputCost: 1, outputCost: 1 },
  { name: "it", description: "it", inputCost: 2, outputCost: 2 },
  { name: "any", description: "CATCHALL" },
]);

const down = () => new EmbeddingError("vendor", "fake answered 503", { status: 503, isRetryable: true });
const never = new AbortController().signal;

async function thrownBy(run: () => unknown): Promise<GatewayError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("semantic routing without an embedding of the prompt", () => {
  it("goes to CATCHALL, and then on to the cheapest", async () => {
    const { ask, order, embedder: fake } = await startSemantic(three, { embedder });
    fake.failNext(down(), 2);
    expect((await ask(["near it"])).decision).toEqual({ reason: "fallback", detail: "fake answered 503", groups: [] });
    expect(await order("near it")).toEqual(["any", "py", "it"]);
  });

  it("goes to the cheapest by price without CATCHALL; an unknown price comes last, whatever its weight", async () => {
    const targets = createTargets([
      { name: "unknown-heavy", description: "python", weight: 90 },
      { name: "half-known", description: "it", inputCost: 0, weight: 2 },
      { name: "dear", description: "python", inputCost: 10, outputCost: 30 },
      { name: "free", description: "it", inputCost: 0, outputCost: 0 },
      { name: "cheap", description: "python", inputCost: 3, outputCost: 1 },
    ]);
    const { order, embedder: fake } = await startSemantic(targets, { embedder });
    fake.failNext(down());
    expect(await order("near it")).toEqual(["free", "cheap", "dear", "unknown-heavy", "half-known"]);
  });

  it("goes by weight, then by the order of the file, where no price is known", async () => {
    const targets = createTargets([
      { name: "light", description: "python", weight: 1 },
      { name: "heavy", description: "it", weight: 3 },
      { name: "light-2", description: "it", weight: 1 },
    ]);
    const { order, embedder: fake } = await startSemantic(targets, { embedder });
    fake.failNext(down());
    expect(await order("near it")).toEqual(["heavy", "light", "light-2"]);
  });

  it("waits two seconds for the embedder and no longer", async () => {
    const { balancer, ask, clock, embedder: fake } = await startSemantic(three, { embedder });
    fake.latencyMs = 60_000;
    const asked = ask(["near it"]);
    await clock.advance(1999);
    let isDecided = false;
    void asked.then(() => {
      isDecided = true;
    });
    await settled();
    expect(isDecided).toBe(false);
    await clock.advance(1);
    const request = await asked;
    expect(request.decision?.reason).toBe("fallback");
    expect(balancer.pick(three, request)?.name).toBe("any");
  });

  it("answers 503 with the reason where on_error is fail, at the first request and at the next", async () => {
    const { ask, embedder: fake } = await startSemantic(three, { embedder, settings: { onError: "fail" } });
    fake.failNext(down(), 2);
    for (const prompt of ["near it", "another"]) {
      const error = await thrownBy(() => ask([prompt]));
      expect(error).toMatchObject({ code: "routing_unavailable", status: 503 });
      expect(error.message).toContain("fake answered 503");
      expect(error.message).not.toContain(prompt);
      expect(error.cause).toBeInstanceOf(EmbeddingError);
    }
    expect((await ask(["near it"])).decision?.reason).toBe("matched");
  });

  it("sends a request without text on its way even where on_error is fail", async () => {
    const { route } = await startSemantic(three, { embedder, settings: { onError: "fail" } });
    expect(await route()).toBe("any");
  });

  it("falls back when the store fails while it is searched, at once or later", async () => {
    for (const search of [
      () => {
        throw new Error("store is gone");
      },
      () => Promise.reject(new Error("store is gone")),
    ]) {
      const store: VectorStore = { ...memory.create({ strategy: "memory" } as never), search };
      const { ask } = await startSemantic(three, { embedder, store });
      expect((await ask(["near it"])).decision).toMatchObject({ reason: "fallback", detail: "store is gone" });
    }
  });

  it("takes a store that answers later", async () => {
    const inner = memory.create({ strategy: "memory" } as never);
    const store: VectorStore = { ...inner, search: async (...search) => inner.search(...search) };
    const { route } = await startSemantic(three, { embedder, store });
    expect(await route("near it")).toBe("it");
  });
});

describe("semantic routing without embedded descriptions", () => {
  it("falls back until they are embedded, says so once per try, and then works", async () => {
    const setup = createSemantic(three, { embedder });
    const { balancer, clock, embedder: fake, log, route, ask } = setup;
    fake.failNext(down(), 4);
    const started = balancer.start?.(never);
    await clock.advance(60_000);
    await started;
    const complaint = log.lines.find(({ message }) => message.includes("falls back"));
    expect(complaint).toMatchObject({ level: "warn", facts: { reason: "fake answered 503", retryInMs: 10_000 } });
    // The clock has already run past the first retry, which found the embedder in order.
    expect(await route("near it")).toBe("it");
    expect((await ask(["near it"])).decision?.reason).toBe("matched");
    expect(clock.timers).toBe(0);
  });

  it("falls back before the start has ended", async () => {
    const { ask, balancer } = createSemantic(three, { embedder });
    const request = await ask(["near it"]);
    expect(request.decision).toMatchObject({ reason: "fallback", detail: "the descriptions are not embedded yet" });
    expect(balancer.pick(three, request)?.name).toBe("any");
  });

  it("answers 503 meanwhile where on_error is fail", async () => {
    const { ask } = createSemantic(three, { embedder, settings: { onError: "fail" } });
    expect(await thrownBy(() => ask(["near it"]))).toMatchObject({ code: "routing_unavailable", status: 503 });
  });

  it("tries again for as long as it takes", async () => {
    const { balancer, clock, embedder: fake, ask } = createSemantic(three, { embedder });
    fake.failNext(down(), 12);
    const started = balancer.start?.(never);
    await clock.advance(1_000_000);
    await started;
    expect(fake.calls.filter(([first]) => first === "python").length).toBe(13);
    expect((await ask(["near it"])).decision?.reason).toBe("matched");
  });

  it("stops trying when it is closed, also when the first try is still under way", async () => {
    const waiting = createSemantic(three, { embedder });
    waiting.embedder.failNext(down(), 100);
    const started = waiting.balancer.start?.(never);
    await waiting.clock.advance(9_000);
    await started;
    waiting.balancer.close?.();
    expect(waiting.clock.timers).toBe(0);

    const trying = createSemantic(three, { embedder });
    trying.embedder.failNext(down(), 100);
    const under = trying.balancer.start?.(never);
    trying.balancer.close?.();
    await trying.clock.advance(600_000);
    await under;
    expect(trying.embedder.calls.length).toBeLessThanOrEqual(4);
    expect(trying.clock.timers).toBe(0);
  });

  it("rejects its start only when it is told to stop", async () => {
    const { balancer, embedder: fake } = createSemantic(three, { embedder });
    fake.latencyMs = 1000;
    const stopping = new AbortController();
    const started = balancer.start?.(stopping.signal);
    stopping.abort(new Error("the gateway is stopping"));
    await expect(started).rejects.toThrow();
  });
});
