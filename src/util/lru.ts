/** A map that keeps a bounded number of entries and forgets the least recently used one first. */

/**
 * Rests on `Map` keeping insertion order: an entry that is used is moved to the end, so the first one is the oldest.
 * Every operation takes constant time on average.
 */
export class LruMap<Key, Value> {
  readonly capacity: number;
  readonly #entries = new Map<Key, Value>();

  /** `capacity` counts entries. Throws `RangeError` unless it is a whole number of at least 1. */
  constructor(capacity: number) {
    if (!Number.isSafeInteger(capacity) || capacity < 1) {
      throw new RangeError(`the capacity of an LruMap must be a whole number of at least 1, not ${capacity}`);
    }
    this.capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value, which counts as a use; undefined when there is none (or when undefined was stored). */
  get(key: Key): Value | undefined {
    const value = this.#entries.get(key);
    if (value === undefined && !this.#entries.has(key)) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value as Value); // the key is present, so this is what was stored
    return value;
  }

  /** Stores, which counts as a use, and drops the least recently used entry when there is no room. */
  set(key: Key, value: Value): void {
    if (!this.#entries.delete(key) && this.#entries.size === this.capacity) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    this.#entries.set(key, value);
  }

  /** True when there was something to delete. */
  delete(key: Key): boolean {
    return this.#entries.delete(key);
  }
}
