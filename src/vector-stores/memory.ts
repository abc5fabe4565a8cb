/** Vectors inside the process, found by an exact scan: a route set has tens to hundreds of them. */
import { callerLeft, storeClosed } from "../util/store-error.ts";
import { dotAt } from "../util/vector.ts";
import { checkItems, checkName, checkNamespace, checkQuery, clampSimilarity, isZero } from "./checks.ts";
import {
  defineVectorStore,
  type Namespace,
  type VectorItem,
  type VectorMatch,
  type VectorStore,
} from "./vector-store.ts";

const place = "memory of this process";

export const memory = defineVectorStore({
  name: "memory",
  summary: "Keeps vectors inside the process and searches all of them; nothing to start.",
  isRemote: false,
  create: createMemoryStore,
});

/** All vectors of a namespace in one array, row after row. Never changed once built. */
interface Table {
  readonly ids: readonly string[];
  readonly dimensions: number;
  readonly rows: Float32Array;
  /** Rows that have a direction, and so can be near to something. */
  readonly searchable: readonly number[];
}

function createMemoryStore(): VectorStore {
  const owners = new Map<string, Map<string, Table>>();
  let isClosed = false;

  function enter(signal: AbortSignal): void {
    if (isClosed) throw storeClosed(place);
    if (signal.aborted) throw callerLeft(place);
  }

  function tableOf(namespace: Namespace, signal: AbortSignal): Table | undefined {
    enter(signal);
    checkNamespace(namespace);
    return owners.get(namespace.owner)?.get(namespace.version);
  }

  return {
    place,
    async inspect(signal) {
      enter(signal);
      return { server: "this process", engine: "exact scan" };
    },
    async replace(namespace, items, signal) {
      enter(signal);
      const table = build(namespace, items);
      const versions = owners.get(namespace.owner) ?? new Map<string, Table>();
      owners.set(namespace.owner, versions.set(namespace.version, table));
    },
    async read(namespace, signal) {
      const table = tableOf(namespace, signal);
      return table === undefined ? undefined : itemsOf(table);
    },
    async has(namespace, signal) {
      return tableOf(namespace, signal) !== undefined;
    },
    async versions(owner, signal) {
      enter(signal);
      checkName("owner", owner);
      return [...(owners.get(owner)?.keys() ?? [])];
    },
    async search(namespace, vector, limit, signal) {
      const table = tableOf(namespace, signal);
      if (table === undefined || table.ids.length === 0) return [];
      checkQuery(namespace, vector, table.dimensions);
      return isZero(vector) ? [] : nearest(table, vector, limit);
    },
    async delete(namespace, signal) {
      enter(signal);
      checkNamespace(namespace);
      const versions = owners.get(namespace.owner);
      versions?.delete(namespace.version);
      if (versions?.size === 0) owners.delete(namespace.owner);
    },
    async close() {
      isClosed = true;
      owners.clear();
    },
  };
}

function build(namespace: Namespace, items: readonly VectorItem[]): Table {
  const dimensions = checkItems(namespace, items);
  const rows = new Float32Array(items.length * dimensions);
  const searchable: number[] = [];
  for (const [row, { vector }] of items.entries()) {
    rows.set(vector, row * dimensions);
    if (!isZero(vector)) searchable.push(row);
  }
  return { ids: items.map(({ id }) => id), dimensions, rows, searchable };
}

function itemsOf({ ids, dimensions, rows }: Table): readonly VectorItem[] {
  return ids.map((id, row) => ({ id, vector: rows.slice(row * dimensions, (row + 1) * dimensions) }));
}

/** Above this many wanted, sorting everything is cheaper than keeping a short list sorted. A guess. */
const shortList = 32;

function nearest(table: Table, vector: Float32Array, limit: number): readonly VectorMatch[] {
  if (limit < 1) return [];
  return limit <= shortList ? scanForFew(table, vector, limit) : scanAndSort(table, vector, limit);
}

function matchAt({ ids, dimensions, rows }: Table, row: number, vector: Float32Array): VectorMatch {
  return { id: ids[row] ?? "", similarity: clampSimilarity(dotAt(rows, row * dimensions, vector)) };
}

function scanAndSort(table: Table, vector: Float32Array, limit: number): readonly VectorMatch[] {
  const all = table.searchable.map((row) => matchAt(table, row, vector));
  return all.sort((a, b) => b.similarity - a.similarity).slice(0, limit);
}

/** One pass with a short sorted list of the best so far. */
function scanForFew(table: Table, vector: Float32Array, limit: number): readonly VectorMatch[] {
  const best: VectorMatch[] = [];
  for (const row of table.searchable) {
    const match = matchAt(table, row, vector);
    const last = best[limit - 1];
    if (last !== undefined && match.similarity <= last.similarity) continue;
    insert(best, match);
    if (best.length > limit) best.pop();
  }
  return best;
}

function insert(best: VectorMatch[], match: VectorMatch): void {
  let at = best.length;
  while (at > 0 && match.similarity > (best[at - 1]?.similarity ?? Number.POSITIVE_INFINITY)) at--;
  best.splice(at, 0, match);
}
