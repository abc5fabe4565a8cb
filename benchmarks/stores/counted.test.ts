import { describe, expect, it } from "vitest";
import { memory } from "../../src/vector-stores/memory.ts";
import { callsBetween, counted, sumOf } from "./counted.ts";

const { signal } = new AbortController();

describe("counted", () => {
  it("answers as the store does and counts each method", async () => {
    const { store, calls } = counted(memory.create());
    const namespace = { owner: "a", version: "1" };
    await store.replace(namespace, [{ id: "x", vector: Float32Array.of(1, 0) }], signal);
    expect(await store.search(namespace, Float32Array.of(1, 0), 3, signal)).toEqual([
      { id: "x", similarity: 1 },
    ]);
    await expect(store.search(namespace, Float32Array.of(1), 3, signal)).rejects.toThrow("searched");
    expect(store.place).toBe("memory of this process");
    expect([...calls]).toEqual([
      ["replace", 1],
      ["search", 2],
    ]);
  });
});

describe("callsBetween", () => {
  it("tells what was called meanwhile, of all stores together", () => {
    const before = sumOf([new Map([["has", 2]]), new Map([["has", 1]])]);
    const after = sumOf([
      new Map([["has", 2]]),
      new Map([
        ["has", 5],
        ["search", 1],
      ]),
    ]);
    expect([...callsBetween(before, after)]).toEqual([
      ["has", 4],
      ["search", 1],
    ]);
    expect([...callsBetween(after, after)]).toEqual([]);
  });
});
