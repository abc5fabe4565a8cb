import { describe, expect, it } from "vitest";
import { findVectorStore, vectorStores } from "./index.ts";
import { memory } from "./memory.ts";
import { describeVectorStore } from "./vector-store.contract.ts";

const config = { strategy: "memory" } as const;

describeVectorStore("memory", () => memory.create());

describe("the list of vector stores", () => {
  it("finds each store by its name and nothing by another", () => {
    for (const store of vectorStores) expect(findVectorStore(store.name)).toBe(store);
    expect(findVectorStore("redis-cluster")).toBeUndefined();
    expect(findVectorStore("memory")?.create(config)).toBeDefined();
  });
});

describe("memory", () => {
  it("works without a promise, so that a search costs no turn of the event loop", () => {
    const store = memory.create();
    const { signal } = new AbortController();
    expect(store.replace("a", [{ id: "1", vector: Float32Array.from([1]) }], signal)).toBeUndefined();
    expect(store.search("a", Float32Array.from([1]), 1, signal)).toEqual([{ id: "1", similarity: 1 }]);
  });

  it("lets go of everything on close", async () => {
    const store = memory.create();
    const { signal } = new AbortController();
    await store.replace("a", [{ id: "1", vector: Float32Array.from([1]) }], signal);
    await store.close();
    expect(store.search("a", Float32Array.from([1]), 1, signal)).toEqual([]);
  });
});
