/** A vector store inside the process that can be taken away, emptied and spoiled. */
import { StoreError, type StoreErrorKind } from "../../src/util/store-error.ts";
import type { VectorItem, VectorStore } from "../../src/vector-stores/vector-store.ts";

export interface FaultyStore extends VectorStore {
  /** Every call fails like this; undefined: none does. */
  fault: StoreErrorKind | undefined;
  /** `owner/version` → items. */
  readonly content: Map<string, readonly VectorItem[]>;
  /** `owner/version` whose reading fails as corrupt. */
  readonly spoiled: Set<string>;
  /** Names of the calls made, in order. */
  readonly calls: string[];
}

export function createFaultyStore(): FaultyStore {
  const content = new Map<string, readonly VectorItem[]>();
  const spoiled = new Set<string>();
  const calls: string[] = [];
  const enter = (call: string, signal: AbortSignal) => {
    calls.push(call);
    if (signal.aborted) throw new StoreError("aborted", "the caller left");
    if (store.fault !== undefined) throw new StoreError(store.fault, `faulty at nowhere: ${store.fault}`);
  };
  const store: FaultyStore = {
    fault: undefined,
    content,
    spoiled,
    calls,
    place: "faulty at nowhere",
    async inspect(signal) {
      enter("inspect", signal);
      return { server: "Faulty 1.0", engine: "none" };
    },
    async replace({ owner, version }, items, signal) {
      enter("replace", signal);
      content.set(`${owner}/${version}`, items);
      spoiled.delete(`${owner}/${version}`);
    },
    async read({ owner, version }, signal) {
      enter("read", signal);
      if (spoiled.has(`${owner}/${version}`)) throw new StoreError("corrupt", "not ours");
      return content.get(`${owner}/${version}`);
    },
    async has({ owner, version }, signal) {
      enter("has", signal);
      return content.has(`${owner}/${version}`);
    },
    async versions(owner, signal) {
      enter("versions", signal);
      const names = [...content.keys()].filter((name) => name.startsWith(`${owner}/`));
      return names.map((name) => name.slice(owner.length + 1));
    },
    async search(_, __, ___, signal) {
      enter("search", signal);
      return [];
    },
    async delete({ owner, version }, signal) {
      enter("delete", signal);
      content.delete(`${owner}/${version}`);
    },
    close: async () => undefined,
  };
  return store;
}
