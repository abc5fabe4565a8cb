import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Consumer } from "./consumer.ts";
import { createConsumerIndex, hashKey } from "./consumer-index.ts";

function consumer(name: string, facts: Partial<Consumer> = {}): Consumer {
  return { id: `id-${name}`, username: name, customId: undefined, groups: [], ...facts };
}

const keyOf = (key: string) => ({
  id: `credential-${key.length}`,
  sha256: hashKey(key),
  expiresAtMs: undefined,
});

describe("the index of consumers", () => {
  const alice = consumer("alice", { customId: "a-1" });
  const nameless = consumer("b", { username: undefined, customId: "b-2" });
  const index = createConsumerIndex([
    { consumer: alice, keys: [keyOf("one"), keyOf("other")] },
    { consumer: nameless, keys: [] },
  ]);

  it("finds by id, name, name elsewhere, and any of the keys", () => {
    expect(index.find("id-alice")).toBe(alice);
    expect(index.find("alice")).toBe(alice);
    expect(index.findByCustomId("a-1")).toBe(alice);
    expect(index.findByCustomId("b-2")).toBe(nameless);
    expect(index.findByKey("other")).toMatchObject({ consumer: alice, credential: { id: "credential-5" } });
  });

  it("mixes up none of them", () => {
    expect(index.find("a-1")).toBeUndefined();
    expect(index.find("one")).toBeUndefined();
    expect(index.findByCustomId("alice")).toBeUndefined();
    for (const wrong of ["", "alice", "One", "one ", "on", hashKey("one")])
      expect(index.findByKey(wrong)).toBeUndefined();
  });

  it("holds no key", () => {
    const secret = createConsumerIndex([{ consumer: alice, keys: [keyOf("sk-very-secret")] }]);
    const known = secret.findByKey("sk-very-secret");
    expect(inspect([secret, known], { depth: 9, showHidden: true })).not.toContain("sk-very-secret");
  });

  it("knows of any set of keys whose each is, and of every other text that it is nobody's", () => {
    const keys = fc.uniqueArray(fc.string({ minLength: 1, unit: "binary" }), { maxLength: 30 });
    fc.assert(
      fc.property(keys, fc.array(fc.string({ unit: "binary" })), (known, others) => {
        const entries = known.map((key, at) => ({ consumer: consumer(String(at)), keys: [keyOf(key)] }));
        const made = createConsumerIndex(entries);
        for (const [at, key] of known.entries())
          expect(made.findByKey(key)?.consumer).toBe(entries[at]?.consumer);
        for (const other of others) if (!known.includes(other)) expect(made.findByKey(other)).toBeUndefined();
      }),
    );
  });
});
