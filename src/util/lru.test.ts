import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LruMap } from "./lru.ts";

/** The same thing, slow and plain: most recently used last. */
class Model {
  entries: [string, number | undefined][] = [];
  readonly capacity: number;
  constructor(capacity: number) {
    this.capacity = capacity;
  }
  get(key: string): number | undefined {
    const found = this.entries.find(([name]) => name === key);
    if (found === undefined) return undefined;
    this.entries = [...this.entries.filter((entry) => entry !== found), found];
    return found[1];
  }
  set(key: string, value: number | undefined): void {
    this.entries = [...this.entries.filter(([name]) => name !== key), [key, value]];
    this.entries = this.entries.slice(-this.capacity);
  }
  delete(key: string): boolean {
    const before = this.entries.length;
    this.entries = this.entries.filter(([name]) => name !== key);
    return this.entries.length < before;
  }
}

const key = fc.constantFrom("a", "b", "c", "d", "e");
const step = fc.oneof(
  fc.record({ do: fc.constant("get" as const), key }),
  fc.record({ do: fc.constant("set" as const), key, value: fc.option(fc.integer(), { nil: undefined }) }),
  fc.record({ do: fc.constant("delete" as const), key }),
);

describe("LruMap", () => {
  it("does what a plain list in order of use does", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), (capacity, steps) => {
        const lru = new LruMap<string, number | undefined>(capacity);
        const model = new Model(capacity);
        for (const each of steps) {
          if (each.do === "get") expect(lru.get(each.key)).toBe(model.get(each.key));
          else if (each.do === "delete") expect(lru.delete(each.key)).toBe(model.delete(each.key));
          else {
            lru.set(each.key, each.value);
            model.set(each.key, each.value);
          }
          expect(lru.size).toBe(model.entries.length);
        }
      }),
    );
  });

  it("keeps an entry that was read over one that was not", () => {
    const lru = new LruMap<string, number>(2);
    lru.set("a", 1);
    lru.set("b", 2);
    lru.get("a");
    lru.set("c", 3);
    expect([lru.get("a"), lru.get("b"), lru.get("c")]).toEqual([1, undefined, 3]);
  });

  it("drops nothing when a key it has is set again at full capacity", () => {
    const lru = new LruMap<string, number>(2);
    lru.set("a", 1);
    lru.set("b", 2);
    lru.set("a", 3);
    expect([lru.get("a"), lru.get("b"), lru.size]).toEqual([3, 2, 2]);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("refuses a capacity of %s", (capacity) => {
    expect(() => new LruMap(capacity)).toThrow(RangeError);
  });
});
