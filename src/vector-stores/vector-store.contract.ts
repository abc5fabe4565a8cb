/** What every vector store must do; each member's test calls this with a way to open a store. */
import { describe, expect, it } from "vitest";
import { signal, useBench } from "./contract/bench.contract.ts";
import { describeKeeping } from "./contract/keeping.contract.ts";
import { describeSearching } from "./contract/searching.contract.ts";
import { describeTogether } from "./contract/together.contract.ts";
import type { VectorStore } from "./vector-store.ts";

export interface VectorStoreContractOptions {
  /** Every store that `create` makes is a way to the same data. */
  readonly isShared?: boolean;
  /** For each test; servers on a busy machine may be slow. */
  readonly timeoutMs?: number;
}

/**
 * Declares the tests. `create` opens a store, twice or more per test; it may be a way to a server that others use at
 * the same time: owners are random, and what was written is deleted.
 */
export function describeVectorStore(
  name: string,
  create: () => VectorStore | Promise<VectorStore>,
  { isShared = false, timeoutMs = 20_000 }: VectorStoreContractOptions = {},
): void {
  describe(`${name} as a vector store`, { timeout: timeoutMs }, () => {
    const bench = useBench(create, { isShared, timeoutMs });

    describeSearching(bench);
    describeKeeping(bench);
    describeTogether(bench);

    it("says what it is", async () => {
      const facts = await bench.store.inspect(signal);
      expect(facts.server).not.toBe("");
      expect(facts.engine).not.toBe("");
      expect(bench.store.place).not.toBe("");
    });
  });
}
