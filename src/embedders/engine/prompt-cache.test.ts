import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPromptCache, promptKey } from "./prompt-cache.ts";

describe("prompt key", () => {
  it("is equal exactly for equal texts", () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ minLength: 60, maxLength: 70 }),
      fc.string({ unit: "grapheme" }),
    );
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(promptKey(a) === promptKey(b)).toBe(a === b);
        expect(promptKey(a)).toBe(promptKey(`${a}`));
      }),
    );
  });

  it("does not hold the text of a long prompt", () => {
    const key = promptKey(`my secret plan ${"x".repeat(100)}`);
    expect(key).not.toContain("secret");
    expect(key.length).toBeLessThan(64);
  });

  it("cannot be forged by a prompt that looks like the key of another", () => {
    const long = "x".repeat(100);
    expect(promptKey(promptKey(long))).not.toBe(promptKey(long));
  });
});

describe("prompt cache", () => {
  it("drops the least recently used beyond its count", () => {
    const cache = createPromptCache<number>({ maxEntries: 2, maxBytes: 1e9 });
    cache.set("a", 1, 0);
    cache.set("b", 2, 0);
    cache.get("a");
    cache.set("c", 3, 0);
    expect([cache.get("a"), cache.get("b"), cache.get("c")]).toEqual([1, undefined, 3]);
  });

  it("drops as many as it takes to stay below its bytes", () => {
    const cache = createPromptCache<number>({ maxEntries: 100, maxBytes: 5_000 });
    for (let i = 0; i < 3; i++) cache.set(`${i}`, i, 1_000);
    cache.set("big", 9, 4_000);
    expect([cache.get("0"), cache.get("1"), cache.get("2"), cache.get("big")]).toEqual([
      undefined,
      undefined,
      undefined,
      9,
    ]);
  });

  it("does not throw everything out for one value that cannot fit", () => {
    const cache = createPromptCache<number>({ maxEntries: 100, maxBytes: 5_000 });
    cache.set("a", 1, 10);
    cache.set("huge", 2, 5_000);
    expect([cache.get("a"), cache.get("huge")]).toEqual([1, undefined]);
  });

  it("agrees with a naive model and never exceeds its bounds", () => {
    const key = fc.constantFrom(..."abcdefgh");
    const step = fc.record({ key, isSet: fc.boolean(), bytes: fc.nat(400) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const bounds = { maxEntries: 4, maxBytes: 1_500 };
        const cache = createPromptCache<number>(bounds);
        let model: { key: string; value: number; bytes: number }[] = [];
        steps.forEach(({ key: k, isSet, bytes }, value) => {
          const found = model.find((entry) => entry.key === k);
          model = model.filter((entry) => entry.key !== k);
          if (!isSet) {
            expect(cache.get(k)).toBe(found?.value);
            if (found !== undefined) model.push(found);
            return;
          }
          cache.set(k, value, bytes);
          model.push({ key: k, value, bytes: bytes + 202 });
          while (model.length > 4 || model.reduce((sum, entry) => sum + entry.bytes, 0) > 1_500)
            model.shift();
          expect(cache.entries).toBe(model.length);
          expect(cache.bytes).toBe(model.reduce((sum, entry) => sum + entry.bytes, 0));
        });
      }),
    );
  });
});
