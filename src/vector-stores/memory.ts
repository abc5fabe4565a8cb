/** Vectors inside the process, found by an exact scan: a route set has tens to hundreds of them. */
import { dotAt } from "../util/vector.ts";
import { defineVectorStore, type VectorItem, type VectorMatch, type VectorStore } from "./vector-store.ts";

export const memory = defineVectorStore({
  name: "memory",
  summary: "Keeps vectors inside the process and searches all of them; nothing to start.",
  create: createMemoryStore,
});

/** All vectors of a namespace in one array, row after row. Never changed once built. */
interface Table {
  readonly ids: readonly string[];
  readonly dimensions: number;
  readonly rows: Float32Array;
}

function createMemoryStore(): VectorStore {
  const tables = new Map<string, Table>();
  return {
    replace(namespace, items) {
      tables.set(namespace, build(namespace, items));
    },
    search(namespace, vector, limit) {
      const table = tables.get(namespace);
      if (table === undefined || table.ids.length === 0) return [];
      if (vector.length !== table.dimensions) {
        throw new Error(
          `vector of ${vector.length} numbers searched in "${namespace}", which holds vectors of ${table.dimensions}: ` +
            "descriptions and prompts must be embedded by the same model",
        );
      }
      return nearest(table, vector, limit);
    },
    delete(namespace) {
      tables.delete(namespace);
    },
    async close() {
      tables.clear();
    },
  };
}

function build(namespace: string, items: readonly VectorItem[]): Table {
  const dimensions = items[0]?.vector.length ?? 0;
  const rows = new Float32Array(items.length * dimensions);
  const ids = new Set<string>();
  items.forEach(({ id, vector }, row) => {
    const place = `"${namespace}", item "${id}":`;
    if (vector.length !== dimensions) {
      throw new Error(`${place} vector of ${vector.length} numbers among vectors of ${dimensions}`);
    }
    if (!vector.every(Number.isFinite))
      throw new Error(`${place} the vector holds numbers that are not finite`);
    if (ids.has(id)) throw new Error(`${place} the id stands twice`);
    ids.add(id);
    rows.set(vector, row * dimensions);
  });
  return { ids: [...ids], dimensions, rows };
}

/** Above this many wanted, sorting everything is cheaper than keeping a short list sorted. A guess. */
const shortList = 32;

function nearest(table: Table, vector: Float32Array, limit: number): readonly VectorMatch[] {
  if (limit < 1) return [];
  return limit <= shortList ? scanForFew(table, vector, limit) : scanAndSort(table, vector, limit);
}

function matchAt({ ids, dimensions, rows }: Table, row: number, vector: Float32Array): VectorMatch {
  const similarity = Math.max(-1, Math.min(1, dotAt(rows, row * dimensions, vector)));
  return { id: ids[row] ?? "", similarity };
}

/** The sort is stable, so that ties keep the order of the items. */
function scanAndSort(table: Table, vector: Float32Array, limit: number): readonly VectorMatch[] {
  const all = table.ids.map((_, row) => matchAt(table, row, vector));
  return all.sort((a, b) => b.similarity - a.similarity).slice(0, limit);
}

/** One pass with a short sorted list of the best so far. */
function scanForFew(table: Table, vector: Float32Array, limit: number): readonly VectorMatch[] {
  const best: VectorMatch[] = [];
  for (let row = 0; row < table.ids.length; row++) {
    const match = matchAt(table, row, vector);
    const last = best[limit - 1];
    if (last !== undefined && match.similarity <= last.similarity) continue;
    insert(best, match);
    if (best.length > limit) best.pop();
  }
  return best;
}

/** Behind everything that is as near or nearer, so that ties keep the order of the items. */
function insert(best: VectorMatch[], match: VectorMatch): void {
  let at = best.length;
  while (at > 0 && match.similarity > (best[at - 1]?.similarity ?? Number.POSITIVE_INFINITY)) at--;
  best.splice(at, 0, match);
}
