/** THE list of vector stores. */
import { memory } from "./memory.ts";
import { pgvector } from "./pgvector.ts";
import { redis } from "./redis.ts";
import type { VectorStoreDefinition } from "./vector-store.ts";

export const vectorStores = [memory, pgvector, redis] as const;

/** The store for a value of `vectordb.strategy`; undefined when none has that name. */
export function findVectorStore(name: string): VectorStoreDefinition | undefined {
  return vectorStores.find((store) => store.name === name);
}
