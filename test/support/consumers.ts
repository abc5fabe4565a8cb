/** Consumers with keys, for tests. */
import type { Consumer, ConsumerIndex } from "../../src/consumers/consumer.ts";
import { createConsumerIndex, hashKey } from "../../src/consumers/consumer-index.ts";

export function createConsumer(name: string, facts: Partial<Consumer> = {}): Consumer {
  return { id: `id-${name}`, username: name, customId: undefined, groups: [], ...facts };
}

export interface KeyFacts {
  readonly key: string;
  readonly consumer: Consumer;
  readonly expiresAtMs?: number;
}

/** An index of these keys, and of consumers without any. The n-th key's credential is `credential-n`. */
export function createKeys(keys: readonly KeyFacts[], others: readonly Consumer[] = []): ConsumerIndex {
  return createConsumerIndex([
    ...keys.map(({ consumer, expiresAtMs, key }, at) => ({
      consumer,
      keys: [{ id: `credential-${at}`, sha256: hashKey(key), expiresAtMs }],
    })),
    ...others.map((consumer) => ({ consumer, keys: [] })),
  ]);
}
