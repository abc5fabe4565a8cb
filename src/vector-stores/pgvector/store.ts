/** The store's calls: each checked, bounded, cancellable, and tried again where that may help. */

import { type Connection, openConnection } from "../../postgres/connection.ts";
import { createConnections } from "../../postgres/connections.ts";
import { timedOut, toStoreError } from "../../postgres/failures.ts";
import { WrongDataError } from "../../postgres/rows.ts";
import { isLostRace, isVanished } from "../../postgres/server-error.ts";
import type { Settings } from "../../postgres/settings.ts";
import { inTransaction } from "../../postgres/transaction.ts";
import { withDeadline } from "../../util/deadline.ts";
import { callerLeft, StoreError, storeClosed } from "../../util/store-error.ts";
import { checkItems, checkName, checkNamespace } from "../checks.ts";
import { largestDimensions } from "../pgvector-options.ts";
import type { Namespace, VectorStore, VectorStoreServices } from "../vector-store.ts";
import { dropIndex, makeIndex } from "./hnsw.ts";
import {
  dropNamespace,
  hasNamespace,
  putContent,
  readNamespace,
  toContent,
  versionsOf,
} from "./namespaces.ts";
import { exactUpTo, findNearest } from "./nearest.ts";
import {
  type CompleteFacts,
  checkRights,
  type Facts,
  isComplete,
  prepare,
  readFacts,
  toStoreFacts,
} from "./schema.ts";
import { tables } from "./tables.ts";

/** Numbers that tests may choose otherwise. */
export interface Tuning {
  /** See `exactUpTo`. */
  readonly scanUpTo: number;
  /** How long a connection is kept that nobody uses. */
  readonly idleMs: number;
}

/** One for reading while another writes; a node writes at its start and asks no store on its way. */
const mostConnections = 2;

/** Outlives the look that is taken at a store every few seconds. */
const idleMs = 30_000;

export function createPgvectorStore(
  settings: Settings,
  { schedule }: VectorStoreServices,
  tuning: Tuning = { scanUpTo: exactUpTo, idleMs },
): VectorStore {
  const { place, timeoutMs } = settings;
  const { scanUpTo } = tuning;
  const connections = createConnections({
    open: (signal) => openConnection(settings, signal),
    schedule,
    max: mostConnections,
    idleMs: tuning.idleMs,
  });
  const underWay = new Set<AbortController>();
  let isClosed = false;
  /** What was there when we last looked; only if it was all there, since other nodes may add what is missing. */
  let known: CompleteFacts | undefined;

  /** Runs `work` within the deadline, until the caller leaves or the store is closed. */
  async function call<Value>(
    signal: AbortSignal,
    work: (connection: Connection) => Promise<Value>,
  ): Promise<Value> {
    const controller = new AbortController();
    const leave = () => controller.abort();
    signal.addEventListener("abort", leave, { once: true });
    underWay.add(controller);
    const left = () => (isClosed ? storeClosed(place) : callerLeft(place));
    try {
      return await withDeadline(
        { signal: controller.signal, timeoutMs, schedule, timedOut: () => timedOut(settings), left },
        (bounded) => twice(bounded, work),
      );
    } catch (error) {
      throw isClosed ? storeClosed(place) : toStoreError(error, settings);
    } finally {
      signal.removeEventListener("abort", leave);
      underWay.delete(controller);
    }
  }

  /** Once more after a lost race, or when the tables are not where they were: what is done twice gives the same. */
  async function twice<Value>(
    signal: AbortSignal,
    work: (connection: Connection) => Promise<Value>,
  ): Promise<Value> {
    try {
      return await connections.use(signal, work);
    } catch (error) {
      if (signal.aborted || !(isLostRace(error) || isVanished(error))) throw error;
      known = undefined;
      return connections.use(signal, work);
    }
  }

  /** What is there to read from; undefined when nothing was ever stored. */
  async function stored(connection: Connection): Promise<CompleteFacts | undefined> {
    if (known !== undefined) return known;
    const facts = await readFacts(connection, settings);
    if (isComplete(facts)) known = facts;
    else checkNothingLost(facts);
    return known;
  }

  function enter(signal: AbortSignal): void {
    if (isClosed) throw storeClosed(place);
    if (signal.aborted) throw callerLeft(place);
  }

  function enterNamespace(namespace: Namespace, signal: AbortSignal): void {
    enter(signal);
    checkNamespace(namespace);
  }

  return {
    place,

    async inspect(signal) {
      enter(signal);
      return call(signal, async (connection) => {
        const facts = await readFacts(connection, settings);
        checkRights(facts, settings);
        return toStoreFacts(facts);
      });
    },

    async replace(namespace, items, signal) {
      enter(signal);
      const dimensions = checkItems(namespace, items);
      checkDimensions(dimensions);
      const content = toContent(items, dimensions);
      const size = { namespace, items: items.length, dimensions };
      await call(signal, async (connection) => {
        const facts = await prepare(connection, settings);
        known = facts;
        await dropIndex(connection, facts, settings, namespace);
        await inTransaction(connection, settings, () => putContent(connection, namespace, content));
        await makeIndex(connection, facts, settings, size, scanUpTo);
      });
    },

    async read(namespace, signal) {
      enterNamespace(namespace, signal);
      return call(signal, async (connection) => {
        const facts = await stored(connection);
        return facts && readNamespace(connection, namespace, facts.extension);
      });
    },

    async has(namespace, signal) {
      enterNamespace(namespace, signal);
      return call(signal, async (connection) => {
        const facts = await stored(connection);
        return facts !== undefined && (await hasNamespace(connection, namespace));
      });
    },

    async versions(owner, signal) {
      enter(signal);
      checkName("owner", owner);
      return call(signal, async (connection) => {
        const facts = await stored(connection);
        return facts === undefined ? [] : versionsOf(connection, owner);
      });
    },

    async search(namespace, vector, limit, signal) {
      enterNamespace(namespace, signal);
      const search = { namespace, vector: Float32Array.from(vector), limit };
      return call(signal, async (connection) => {
        const facts = await stored(connection);
        return facts === undefined ? [] : findNearest(connection, facts, settings, search, scanUpTo);
      });
    },

    async delete(namespace, signal) {
      enterNamespace(namespace, signal);
      await call(signal, async (connection) => {
        const facts = await stored(connection);
        if (facts === undefined) return;
        await dropIndex(connection, facts, settings, namespace);
        await inTransaction(connection, settings, () => dropNamespace(connection, namespace));
      });
    },

    async close() {
      isClosed = true;
      for (const controller of underWay) controller.abort();
      await connections.close();
    },
  };
}

/** Nothing stored is one thing; a part of our tables missing is another. */
function checkNothingLost({ format, missing, extension }: Facts): void {
  if (format === 0) return;
  if (extension === undefined) throw new WrongDataError("the extension vector was dropped");
  if (missing.length > 0 && missing.length < tables.length)
    throw new WrongDataError(`the table ${missing.join(", ")} was dropped`);
}

function checkDimensions(dimensions: number): void {
  if (dimensions <= largestDimensions) return;
  throw new StoreError(
    "invalid",
    `vectors of ${dimensions} numbers: pgvector stores at most ${largestDimensions}`,
  );
}
