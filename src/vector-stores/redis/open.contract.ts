/** For the tests of the redis store: stores over real servers, and the errors they must give. */

import { setMaxListeners } from "node:events";
import { afterEach, expect } from "vitest";
import type { TestServer } from "../../../test/support/servers.ts";
import { systemSchedule } from "../../util/schedule.ts";
import { StoreError } from "../../util/store-error.ts";
import { redis } from "../redis.ts";
import { type VectorRedisOptions, vectorRedisOptions } from "../redis-options.ts";
import type { Namespace, VectorItem, VectorStore } from "../vector-store.ts";

export const { signal } = new AbortController();
setMaxListeners(0, signal); // many calls at once share it

export const namespace: Namespace = { owner: "owner", version: "v1" };

/** Three directions; the query of the tests is near to the first. */
export const items: readonly VectorItem[] = [
  { id: "near", vector: Float32Array.from([1, 0, 0]) },
  { id: "across", vector: Float32Array.from([0, 1, 0]) },
  { id: "opposite", vector: Float32Array.from([-1, 0, 0]) },
];

export const query = Float32Array.from([1, 0, 0]);

export function openStore(options: Partial<Record<keyof VectorRedisOptions, unknown>> = {}): VectorStore {
  return redis.create(
    { strategy: "redis", redis: vectorRedisOptions.parse(options) },
    { schedule: systemSchedule },
  );
}

/** Stores of one test, closed after it. */
export function useStores(): typeof openStore {
  const opened: VectorStore[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
  });
  return (options) => {
    const store = openStore(options);
    opened.push(store);
    return store;
  };
}

export function at({ host, port }: Pick<TestServer, "host" | "port">) {
  return { host, port };
}

export async function idsFound(store: VectorStore): Promise<string[]> {
  return (await store.search(namespace, query, 10, signal)).map(({ id }) => id);
}

/** The failure of a call; fails the test when the call does not fail, or otherwise. */
export async function failureOf(call: Promise<unknown>): Promise<StoreError> {
  const error = await call.then(
    () => new Error("expected a failure"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StoreError);
  return error as StoreError; // just checked
}
