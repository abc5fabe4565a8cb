/** Keeps one owner's vectors in a store for as long as the process lives, whatever becomes of the store meanwhile. */

import { Contact } from "../telemetry/contact.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Schedule } from "../util/schedule.ts";
import { StoreError } from "../util/store-error.ts";
import type { Namespace, VectorItem, VectorStore } from "./vector-store.ts";

export interface VectorKeeperOptions {
  readonly store: VectorStore;
  /** As in `Namespace`. */
  readonly owner: string;
  /** Whether the store can be away and come back empty; one inside the process is handed its vectors once. */
  readonly isRemote: boolean;
  /** Never writes: for looking at a config without running it. */
  readonly isReadOnly: boolean;
  readonly log: Logger;
  readonly schedule: Schedule;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

/** How the store is doing, as far as the last contact told. */
export interface KeeperHealth {
  readonly place: string;
  /** `unknown` until the first contact. */
  readonly state: "unknown" | "up" | "down";
  /** Why it is down; without credentials. */
  readonly reason: string | undefined;
  /** Contacts that failed. */
  readonly failures: number;
  /** Times the vectors were put into the store. */
  readonly writes: number;
}

export interface VectorKeeper {
  /**
   * Vectors that an earlier process or another node has kept for this owner, by item id. Those that cannot be used
   * are left out; a store that does not answer gives none. Rejects only as `unfit` or `aborted`.
   */
  recall(signal: AbortSignal): Promise<ReadonlyMap<string, Float32Array>>;
  /**
   * From now on these are the owner's vectors. Resolves after the first try, and never rejects: a store that is away
   * is tried again until it has them, and one that has lost them is given them again. Other versions of the owner are
   * removed once this one is in place.
   */
  keep(version: string, items: readonly VectorItem[]): Promise<void>;
  /** Removes everything the owner has in the store; rejects when that fails. */
  forget(signal: AbortSignal): Promise<void>;
  health(): KeeperHealth;
  /** Stops keeping. What is stored stays; the store itself is the caller's to close. */
  close(): void;
}

/** Between two looks at a store that is well: how late an outage is reported, at one short round trip each. */
const checkMs = 5_000;
export function createVectorKeeper(options: VectorKeeperOptions): VectorKeeper {
  return new Keeper(options);
}

interface Kept {
  readonly namespace: Namespace;
  readonly items: readonly VectorItem[];
  /** Whether it has been in the store since it was handed over. */
  isPlaced: boolean;
}

class Keeper implements VectorKeeper {
  readonly #options: VectorKeeperOptions;
  readonly #contact: Contact;
  readonly #stop = new AbortController();
  #kept: Kept | undefined;
  #cancelTimer: (() => void) | undefined;
  #writes = 0;
  /** What was found in the store, by version, until it is known what belongs there. */
  #found = new Map<string, readonly VectorItem[]>();

  constructor(options: VectorKeeperOptions) {
    this.#options = options;
    this.#contact = new Contact({
      what: "the vector store",
      meanwhile: "routing goes on with the vectors in memory",
      place: options.store.place,
      log: options.log,
      now: options.now,
    });
  }

  async recall(signal: AbortSignal): Promise<ReadonlyMap<string, Float32Array>> {
    const { store, owner } = this.#options;
    const known = new Map<string, Float32Array>();
    try {
      await store.inspect(signal);
      for (const version of await store.versions(owner, signal)) {
        const items = await this.#readUsable({ owner, version }, signal);
        this.#found.set(version, items);
        for (const { id, vector } of items) known.set(id, vector);
      }
      this.#contact.succeeded();
    } catch (error) {
      if (isOneOf(error, ["unfit", "aborted"])) throw error;
      this.#contact.failed(error);
    }
    return known;
  }

  /** What somebody else wrote under our names, or half of what we wrote, is as good as nothing. */
  async #readUsable(namespace: Namespace, signal: AbortSignal): Promise<readonly VectorItem[]> {
    const { store, log } = this.#options;
    try {
      return (await store.read(namespace, signal)) ?? [];
    } catch (error) {
      if (!isOneOf(error, ["corrupt"])) throw error;
      log.warn("stored vectors cannot be used and are made anew", {
        store: store.place,
        reason: reasonOf(error),
      });
      return [];
    }
  }

  async keep(version: string, items: readonly VectorItem[]): Promise<void> {
    if (this.#options.isReadOnly) return;
    this.#kept = { namespace: { owner: this.#options.owner, version }, items, isPlaced: false };
    // Whoever starts has already waited for a store that does not answer; the next try is not theirs to wait for.
    if (this.#contact.state === "down") this.#again(this.#contact.retryInMs);
    else await this.#tend();
  }

  async forget(signal: AbortSignal): Promise<void> {
    const { store, owner } = this.#options;
    this.close();
    for (const version of await store.versions(owner, signal)) await store.delete({ owner, version }, signal);
  }

  health(): KeeperHealth {
    const { place, state, reason, failures } = this.#contact;
    return { place, state, reason, failures, writes: this.#writes };
  }

  close(): void {
    this.#kept = undefined;
    this.#cancelTimer?.();
    this.#stop.abort(new Error("the vectors are no longer kept"));
  }

  /** One look at the store, what follows from it, and the time of the next. */
  async #tend(): Promise<void> {
    const kept = this.#kept;
    if (kept === undefined) return;
    try {
      await this.#place(kept, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      this.#contact.succeeded();
      if (this.#options.isRemote) this.#again(checkMs);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#contact.failed(error);
      this.#again(this.#contact.retryInMs);
    }
  }

  #again(delayMs: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.schedule(delayMs, () => void this.#tend());
  }

  async #place(kept: Kept, signal: AbortSignal): Promise<void> {
    const { store, owner } = this.#options;
    const { namespace, items } = kept;
    if (kept.isPlaced) {
      if (await this.#isThere(namespace, signal)) return;
      // A newer configuration has replaced this one, here or on another node; it is not ours to undo.
      if ((await store.versions(owner, signal)).length > 0) return;
    }
    if (kept.isPlaced || !isSame(this.#found.get(namespace.version), items)) {
      await store.replace(namespace, items, signal);
      this.#writes++;
    }
    if (kept.isPlaced) return;
    for (const version of await store.versions(owner, signal)) {
      if (version !== namespace.version) await store.delete({ owner, version }, signal);
    }
    kept.isPlaced = true;
    this.#found.clear();
  }

  async #isThere(namespace: Namespace, signal: AbortSignal): Promise<boolean> {
    try {
      return await this.#options.store.has(namespace, signal);
    } catch (error) {
      if (isOneOf(error, ["corrupt"])) return false;
      throw error;
    }
  }
}

/** Item by item and number by number: vectors that were found and are used again are the very same. */
function isSame(found: readonly VectorItem[] | undefined, items: readonly VectorItem[]): boolean {
  if (found?.length !== items.length) return false;
  const vectors = new Map(found.map(({ id, vector }) => [id, vector]));
  return items.every(({ id, vector }) => {
    const known = vectors.get(id);
    return known?.length === vector.length && known.every((number, at) => number === vector[at]);
  });
}

function isOneOf(error: unknown, kinds: readonly StoreError["kind"][]): boolean {
  return error instanceof StoreError && kinds.includes(error.kind);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
