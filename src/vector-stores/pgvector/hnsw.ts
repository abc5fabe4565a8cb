/**
 * The index of a large namespace (HNSW), and the search through it.
 *
 * One for each such namespace, made after its rows are in. One index per dimension for all namespaces was tried and is
 * worse in three ways: adding 5,000 × 1536 to it takes 28 s where building anew takes 2.5 s; small namespaces would pay
 * for it at each write and never use it; and a search would have to skip the vectors of all others.
 */
import { createHash } from "node:crypto";
import type { Connection } from "../../postgres/connection.ts";
import { flag } from "../../postgres/rows.ts";
import type { Settings } from "../../postgres/settings.ts";
import { inTransaction } from "../../postgres/transaction.ts";
import type { Namespace, VectorMatch } from "../vector-store.ts";
import { toNearest } from "./matches.ts";
import type { CompleteFacts, Extension } from "./schema.ts";
import { namespaceTable, vectorTable } from "./tables.ts";
import { encodeVector } from "./vector-bytes.ts";

/** More than so many are found faster by looking at all, and HNSW visits at most 1,000 (its `ef_search`). */
const mostIndexed = 400;

/**
 * Candidates kept while searching. Of the 10 nearest among 1,500–12,000 clustered vectors 40 found all; with 200, 9,000
 * searches for the 40 nearest of 1,000 random vectors of 64 numbers missed none.
 */
const visited = 200;

export interface Search {
  readonly namespace: Namespace;
  readonly vector: Float32Array;
  readonly limit: number;
}

/** Nothing where the index cannot help. Sorting is made dear, as the planner knows nothing of rows that are new. */
export async function findIndexed(
  connection: Connection,
  { extension }: CompleteFacts,
  settings: Settings,
  { namespace: { owner, version }, vector, limit }: Search,
): Promise<readonly VectorMatch[]> {
  const type = indexType(extension, vector.length);
  if (type === undefined || limit > mostIndexed) return [];
  const candidates = type === "halfvec" ? 2 * limit + 10 : limit;
  const locals = {
    enable_sort: "off",
    "hnsw.ef_search": Math.max(visited, candidates),
    ...(isAtLeast(extension, "0.8.0") ? { "hnsw.iterative_scan": "strict_order" } : {}),
  };
  const values = [owner, version, encodeVector(vector), vector.length, candidates];
  const sql = indexedSearch(extension, type, vector.length);
  const rows = await inTransaction(connection, settings, () => connection.query(sql, values), locals);
  return toNearest(rows, limit);
}

/** Ordered by what the index is of; the distance is that of the full numbers. */
function indexedSearch({ schema }: Extension, type: IndexType, dimensions: number): string {
  const query = type === "vector" ? `$3::${schema}.vector` : `$3::${schema}.vector::${schema}.halfvec`;
  return `SELECT id, embedding OPERATOR(${schema}.<=>) $3::${schema}.vector AS distance FROM ${vectorTable}
WHERE owner = $1 AND version = $2
  AND (SELECT dimensions FROM ${namespaceTable} WHERE owner = $1 AND version = $2) = $4
ORDER BY (embedding::${schema}.${type}(${dimensions})) OPERATOR(${schema}.<=>) ${query} LIMIT $5`;
}

type IndexType = "vector" | "halfvec";

/** HNSW takes 2,000 dimensions, and 4,000 in half precision (pgvector's README); above, the scan stays. */
function indexType(extension: Extension, dimensions: number): IndexType | undefined {
  if (dimensions <= 2000) return isAtLeast(extension, "0.5.0") ? "vector" : undefined;
  return dimensions <= 4000 && isAtLeast(extension, "0.7.0") ? "halfvec" : undefined;
}

/** A name of the namespace's own, within PostgreSQL's 63 bytes. */
export function indexName({ owner, version }: Namespace): string {
  const hash = createHash("sha256").update(`${owner}/${version}`).digest("hex").slice(0, 32);
  return `sluice_vectors_hnsw_${hash}`;
}

/** Before other rows come: it may be of other dimensions, and adding to it is slow. */
export async function dropIndex(
  connection: Connection,
  { isOwner }: CompleteFacts,
  settings: Settings,
  namespace: Namespace,
): Promise<void> {
  if (!isOwner) return;
  const name = indexName(namespace);
  const [row] = await connection.query("SELECT to_regclass($1) IS NOT NULL AS exists", [name]);
  if (row === undefined || !flag(row, "exists")) return;
  // In a transaction for its bound: readers wait behind it for as long as it waits for a reader.
  await inTransaction(connection, settings, () => connection.query(`DROP INDEX IF EXISTS ${name}`));
}

/**
 * Makes the index of a namespace that needs one, in a transaction of its own, since in that of the rows two large
 * namespaces would wait for each other's locks. Other writers wait meanwhile, readers do not. Without the workers that
 * share memory: they gain nothing at these sizes, and fail where a container has the usual 64 MB of it.
 * Owner and version need no quoting: they have been checked.
 */
export async function makeIndex(
  connection: Connection,
  facts: CompleteFacts,
  settings: Settings,
  { namespace, items, dimensions }: { namespace: Namespace; items: number; dimensions: number },
  scanUpTo: number,
): Promise<void> {
  const { extension, isOwner } = facts;
  const type = indexType(extension, dimensions);
  if (!isOwner || type === undefined || items * dimensions <= scanUpTo) return;
  const { schema } = extension;
  const name = indexName(namespace);
  const make = async () => {
    await connection.query(`SELECT pg_advisory_xact_lock(1936487779, hashtext('${name}'))`);
    await connection.query(
      `CREATE INDEX IF NOT EXISTS ${name} ON ${vectorTable}
USING hnsw ((embedding::${schema}.${type}(${dimensions})) ${schema}.${type}_cosine_ops)
WHERE owner = '${namespace.owner}' AND version = '${namespace.version}'`,
    );
  };
  await inTransaction(connection, settings, make, { max_parallel_maintenance_workers: 0 });
}

function isAtLeast({ version }: Extension, wanted: string): boolean {
  return version.localeCompare(wanted, "en", { numeric: true }) >= 0;
}
