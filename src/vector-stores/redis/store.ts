/** The store's methods over one link: what is written in one transaction, and how a search is known to be whole. */

import type { Connection } from "../../redis/connection.ts";
import { isWrongType } from "../../redis/failures.ts";
import { type Call, createLink, type Link } from "../../redis/link.ts";
import { listOf, numberOf, pairsOf, textOf } from "../../redis/reply.ts";
import { settingsOf } from "../../redis/settings.ts";
import { pause } from "../../util/deadline.ts";
import { LruMap } from "../../util/lru.ts";
import type { Schedule } from "../../util/schedule.ts";
import { checkName, checkNamespace, checkQuery, isName, isZero, namespaceName } from "../checks.ts";
import type { VectorRedisOptions } from "../redis-options.ts";
import type { Namespace, StoreFacts, VectorItem, VectorMatch, VectorStore } from "../vector-store.ts";
import { answerOf, type Engine, type Search } from "./engine.ts";
import { keyPrefix, manifestKey, versionsKey } from "./keys.ts";
import { fetchHead, incomplete, look, mayYetCome, send, sendAll, usableHead } from "./looking.ts";
import {
  corrupt,
  type Head,
  itemsFrom,
  type Packed,
  pack,
  readHead,
  vectorOf,
  writeManifest,
} from "./manifest.ts";
import { engineNamed, type Fit, fitServer, type SearchSettings } from "./server.ts";

export function createRedisStore(options: VectorRedisOptions, schedule: Schedule): VectorStore {
  return new RedisStore({ ...settingsOf(options, keyPrefix), engine: options.engine }, schedule);
}

/** Namespaces whose head is remembered, so that a search takes one round trip instead of two. */
const rememberedHeads = 256;

/** Looks at a search structure that is short of vectors before it counts as damaged: some engines index behind a write. */
const looksBeforeCorrupt = 5;

const firstPauseMs = 1;
const longestPauseMs = 100;

class RedisStore implements VectorStore {
  readonly place: string;
  readonly #settings: SearchSettings;
  readonly #schedule: Schedule;
  readonly #link: Link;
  readonly #fits = new WeakMap<Connection, Fit>();
  readonly #heads = new LruMap<string, Head>(rememberedHeads);

  constructor(settings: SearchSettings, schedule: Schedule) {
    this.place = settings.place;
    this.#settings = settings;
    this.#schedule = schedule;
    this.#link = createLink(settings, schedule);
  }

  async inspect(signal: AbortSignal): Promise<StoreFacts> {
    return this.#link.call(signal, async (call) => {
      this.#fits.delete(call.connection);
      return (await this.#fit(call)).facts;
    });
  }

  async replace(namespace: Namespace, items: readonly VectorItem[], signal: AbortSignal): Promise<void> {
    // Copied before anything is awaited: the caller may change his vectors afterwards.
    const packed = pack(namespace, items);
    await this.#link.call(signal, (call) => this.#replace(call, namespace, packed));
  }

  async read(namespace: Namespace, signal: AbortSignal): Promise<readonly VectorItem[] | undefined> {
    checkNamespace(namespace);
    return this.#link.call(signal, async (call) => {
      const fields = pairsOf(await send(call, ["HGETALL", manifestKey(namespace)]));
      return fields.size === 0 ? undefined : itemsFrom(namespace, fields);
    });
  }

  async has(namespace: Namespace, signal: AbortSignal): Promise<boolean> {
    checkNamespace(namespace);
    return this.#link.call(
      signal,
      async (call) => numberOf(await send(call, ["HEXISTS", manifestKey(namespace), "digest"])) === 1,
    );
  }

  async versions(owner: string, signal: AbortSignal): Promise<readonly string[]> {
    checkName("owner", owner);
    return this.#link.call(signal, async (call) => {
      const members = listOf(await send(call, ["SMEMBERS", versionsKey(owner)]));
      // What is no version was put there by somebody else.
      return members.map((member) => textOf(member) ?? "").filter(isName);
    });
  }

  async search(
    namespace: Namespace,
    vector: Float32Array,
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly VectorMatch[]> {
    checkNamespace(namespace);
    const search = { vector: vector.slice(), limit: Math.trunc(limit) };
    return this.#link.call(signal, (call) => this.#search(call, namespace, search));
  }

  async delete(namespace: Namespace, signal: AbortSignal): Promise<void> {
    checkNamespace(namespace);
    await this.#link.call(signal, async (call) => {
      const { version, owner } = namespace;
      const keys = await this.#keysInPlace(call, namespace);
      const commands = [
        ["DEL", ...keys],
        ["SREM", versionsKey(owner), version],
      ];
      await call.connection.transaction(commands, call.signal);
    });
  }

  async close(): Promise<void> {
    this.#link.close();
  }

  /** Asked once for each connection: another connection may lead to another server. */
  async #fit(call: Call): Promise<Fit> {
    const known = this.#fits.get(call.connection);
    if (known !== undefined) return known;
    const fit = await fitServer(call.connection, this.#settings, call.signal);
    this.#fits.set(call.connection, fit);
    return fit;
  }

  async #replace(call: Call, namespace: Namespace, packed: Packed): Promise<void> {
    const { engine } = await this.#fit(call);
    const keys = await this.#keysInPlace(call, namespace);
    if (packed.findable > 0) await engine.prepare((command) => send(call, command), packed.dimensions);
    const commands = [
      ["DEL", ...new Set([...keys, ...engine.keys(namespace, packed)])],
      ...engine.place(namespace, packed),
      writeManifest(namespace, packed, engine.name),
      ["SADD", versionsKey(namespace.owner), namespace.version],
    ];
    await call.connection.transaction(commands, call.signal);
    if (packed.findable > 0) await this.#settled(call, engine, namespace, packed);
  }

  /** The keys that hold a namespace now, and the owner's versions too should they be something else than a set. */
  async #keysInPlace(call: Call, namespace: Namespace): Promise<readonly string[]> {
    const versions = versionsKey(namespace.owner);
    const [head, count] = await sendAll(call, [readHead(namespace), ["SCARD", versions]]);
    const isForeign = count?.status === "rejected" && isWrongType(count.reason);
    if (!isForeign) answerOf(count);
    const known = usableHead(namespace, head);
    const structure = known === undefined ? [] : (engineNamed(known.engine)?.keys(namespace, known) ?? []);
    return [manifestKey(namespace), ...structure, ...(isForeign ? [versions] : [])];
  }

  /** Waits until a search finds everything that was written: some engines index after they have answered. */
  async #settled(call: Call, engine: Engine, namespace: Namespace, packed: Packed): Promise<void> {
    call.waitFor(`its index to take up ${packed.findable} vectors`);
    const search = { vector: vectorOf(packed, packed.rows[0] ?? 0), limit: packed.findable };
    for (let waitMs = firstPauseMs; ; waitMs = await this.#pause(call, waitMs)) {
      const { digest, finding } = await look(call, engine, { namespace, content: packed, search });
      // Another digest: somebody has written or deleted meanwhile, and has to see to his own.
      if (digest !== packed.digest) return;
      const found = finding();
      if (found.kind === "found") return;
      await mayYetCome(call, engine, packed, found);
    }
  }

  async #search(call: Call, namespace: Namespace, search: Search): Promise<readonly VectorMatch[]> {
    const { engine } = await this.#fit(call);
    let looksInVain = 0;
    for (let waitMs = firstPauseMs; ; waitMs = await this.#pause(call, waitMs)) {
      const head = this.#remembered(namespace, search) ?? (await fetchHead(call, namespace));
      if (head === undefined || !canFind(namespace, head, search)) return [];
      checkEngine(namespace, head, engine);
      const { digest, finding } = await look(call, engine, { namespace, content: head, search });
      this.#remember(namespace, digest === head.digest ? head : undefined);
      if (digest !== head.digest) continue;
      const found = finding();
      if (found.kind === "found") return found.matches;
      call.waitFor("its index to hold all vectors");
      const isComing = await mayYetCome(call, engine, head, found);
      if (!isComing && ++looksInVain === looksBeforeCorrupt) throw incomplete(namespace, found);
    }
  }

  #remembered(namespace: Namespace, search: Search): Head | undefined {
    const head = this.#heads.get(namespaceName(namespace));
    if (head === undefined || head.dimensions !== search.vector.length) return undefined;
    return canFind(namespace, head, search) ? head : undefined;
  }

  #remember(namespace: Namespace, head: Head | undefined): void {
    if (head === undefined) this.#heads.delete(namespaceName(namespace));
    else this.#heads.set(namespaceName(namespace), head);
  }

  /** Returns the length of the next pause. */
  async #pause({ signal }: Call, waitMs: number): Promise<number> {
    await pause(waitMs, signal, this.#schedule);
    return Math.min(longestPauseMs, 2 * waitMs);
  }
}

/** Each engine has a search structure of its own; a server that was upgraded, or a setting, may have changed it. */
function checkEngine(namespace: Namespace, head: Head, engine: Engine): void {
  if (head.engine === engine.name) return;
  throw corrupt(
    namespace,
    `it was written for the engine ${head.engine}, and ${engine.name} is to search it`,
  );
}

/** False where nothing can be near. Throws as `invalid`. */
function canFind(
  namespace: Namespace,
  { ids, findable, dimensions }: Head,
  { vector, limit }: Search,
): boolean {
  if (ids.length === 0) return false;
  checkQuery(namespace, vector, dimensions);
  return limit >= 1 && findable > 0 && !isZero(vector);
}
