import { describe, expect, it } from "vitest";
import { createTargets } from "../../../test/support/balancing.ts";
import { settled } from "../../../test/support/fake-clock.ts";
import { createFaultyStore } from "../../../test/support/faulty-store.ts";
import { createSemantic, startSemantic, towards } from "../../../test/support/semantic-balancer.ts";
import { EmbeddingError } from "../../embedders/embedding-error.ts";
import { GatewayError } from "../../errors.ts";
import { normalise } from "../../util/vector.ts";

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
    expect((await ask(["near it"])).decision).toEqual({
      reason: "fallback",
      detail: "fake answered 503",
      groups: [],
    });
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

  it("chooses from memory when the store is away from the start, and says so once", async () => {
    const store = createFaultyStore();
    store.fault = "unreachable";
    const { route, log } = await startSemantic(three, { embedder, store });
    for (let count = 0; count < 3; count++) expect(await route("near it")).toBe("it");
    const warnings = log.lines.filter((line) => line.level === "warn");
    expect(warnings.map(({ message }) => message)).toEqual([
      "the vector store is away; routing goes on with the vectors in memory",
    ]);
  });

  it("refuses to start over a store that can never serve", async () => {
    const store = createFaultyStore();
    store.fault = "unfit";
    const { balancer, clock } = createSemantic(three, { embedder, store });
    await expect(balancer.start?.(never)).rejects.toMatchObject({ kind: "unfit" });
    expect(clock.timers).toBe(0);
  });

  it("gives up aloud when the store turns out unfit only at a later try", async () => {
    const store = createFaultyStore();
    const { balancer, clock, embedder: fake, log, route } = createSemantic(three, { embedder, store });
    fake.failNext(new EmbeddingError("vendor", "fake answered 401", { status: 401 }));
    await balancer.start?.(never);
    store.fault = "unfit";
    await clock.advance(1_000);
    expect(log.lines.filter(({ level }) => level === "error")).toHaveLength(1);
    expect(await route("near it")).toBe("any");
  });
});

describe("the store of a semantic balancer", () => {
  it("is given every vector that is compared with", async () => {
    const store = createFaultyStore();
    await startSemantic(three, { embedder, store });
    const [[name, items] = ["", []]] = [...store.content];
    expect(name).toMatch(/^plugin-1\/[0-9a-f]{32}$/);
    expect(items.map(({ vector }) => vector)).toEqual(
      [towards(1, 0), towards(0, 1)].map((v) => normalise(Float32Array.from(v))),
    );
  });

  it("brings the vectors back after a restart, so that nothing is embedded again", async () => {
    const store = createFaultyStore();
    await startSemantic(three, { embedder, store });
    const { embedder: fake, route } = await startSemantic(three, { embedder, store });
    expect(fake.calls).toEqual([]);
    expect(await route("near it")).toBe("it");
  });

  it("brings back what an edit has left as it was", async () => {
    const store = createFaultyStore();
    await startSemantic(three, { embedder, store });
    const edited = [
      ...createTargets([{ name: "rs", description: "near it" }]),
      ...three.filter(({ name }) => name !== "py"),
    ];
    const { embedder: fake } = await startSemantic(edited, { embedder, store });
    expect(fake.calls).toEqual([["near it"]]);
    expect(store.content.size).toBe(1);
  });

  it("does not bring back what another model has made, nor vectors of another length", async () => {
    const store = createFaultyStore();
    await startSemantic(three, { embedder, store });
    const other = await startSemantic(three, { embedder: { ...embedder, space: "other" }, store });
    expect(other.embedder.calls.flat()).toEqual(["python", "it"]);
    for (const [name, items] of store.content) {
      store.content.set(
        name,
        items.map(({ id }) => ({ id, vector: Float32Array.from([1]) })),
      );
    }
    const again = await startSemantic(three, { embedder: { ...embedder, space: "other" }, store });
    expect(again.embedder.calls.flat()).toEqual(["python", "it"]);
  });
});
