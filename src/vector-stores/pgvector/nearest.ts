/**
 * The nearest vectors of a namespace: by looking at all of them, or, where they are many, through an index.
 *
 * Looking at all is exact, and is what a set of routes gets. Measured on two cores with pgvector 0.8.0 it takes 0.5 ms
 * for 100 vectors of 384 or 1536 numbers, and 12 ms for four million numbers in all (10,000 × 384, 2,600 × 1536,
 * 1,300 × 3072); beyond that an index pays, which answers in 2–5 ms.
 */

import type { Connection } from "../../postgres/connection.ts";
import { integer, type Row } from "../../postgres/rows.ts";
import type { Settings } from "../../postgres/settings.ts";
import { checkQuery, isZero } from "../checks.ts";
import { largestDimensions } from "../pgvector-options.ts";
import type { VectorMatch } from "../vector-store.ts";
import { findIndexed, type Search } from "./hnsw.ts";
import { toNearest } from "./matches.ts";
import { checkCount, sizeOf } from "./namespaces.ts";
import type { CompleteFacts, Extension } from "./schema.ts";
import { namespaceTable, vectorTable } from "./tables.ts";
import { encodeVector } from "./vector-bytes.ts";

/** Up to how many numbers, items times dimensions, a namespace is searched by looking at all. */
export const exactUpTo = 4_000_000;

export async function findNearest(
  connection: Connection,
  facts: CompleteFacts,
  settings: Settings,
  search: Search,
  scanUpTo: number,
): Promise<readonly VectorMatch[]> {
  const { namespace, vector, limit } = search;
  if (!(limit >= 1) || !isDirection(vector)) return findNothing(connection, search);
  const scanned = await scan(connection, facts.extension, search, scanUpTo);
  const [first] = scanned;
  if (first === undefined) return [];
  const [items, dimensions] = [integer(first, "items"), integer(first, "dimensions")];
  if (items === 0) return [];
  checkQuery(namespace, vector, dimensions);
  if (items * dimensions <= scanUpTo) return toMatches(search, scanned);
  const found = await findIndexed(connection, facts, settings, search);
  // Fewer than there are: no index after all, or one with many dead rows or zero vectors.
  if (found.length >= Math.min(limit, items)) return found;
  return toMatches(search, await scan(connection, facts.extension, search, largestBigint));
}

/** What pgvector takes and can be near to something. */
function isDirection(vector: Float32Array): boolean {
  return (
    vector.length >= 1 &&
    vector.length <= largestDimensions &&
    vector.every(Number.isFinite) &&
    !isZero(vector)
  );
}

/** A query that finds nothing, but is refused all the same where it does not fit. */
async function findNothing(connection: Connection, { namespace, vector }: Search): Promise<readonly []> {
  const size = await sizeOf(connection, namespace);
  if (size !== undefined && size.items > 0) checkQuery(namespace, vector, size.dimensions);
  return [];
}

const largestBigint = "9223372036854775807";

/** Any limit as an `integer`. */
const atMost = (limit: number) => Math.min(2 ** 31 - 1, Math.floor(limit));

/**
 * The namespace's row and its nearest vectors, in one round trip. Without vectors, as the namespace has none, or more
 * than to look at, or of another length: `<=>` is not computed then.
 */
function scan(
  connection: Connection,
  { schema }: Extension,
  { namespace: { owner, version }, vector, limit }: Search,
  scanUpTo: number | string,
): Promise<readonly Row[]> {
  const fits = "n.items::bigint * n.dimensions <= $5::bigint";
  return connection.query(
    `SELECT n.dimensions, n.items, c.stored, m.id, m.distance
FROM ${namespaceTable} n
LEFT JOIN LATERAL (
  SELECT count(*)::integer AS stored FROM ${vectorTable} WHERE owner = $1 AND version = $2 AND ${fits}
) c ON true
LEFT JOIN LATERAL (
  SELECT id, embedding OPERATOR(${schema}.<=>) $3::${schema}.vector AS distance FROM ${vectorTable}
  WHERE owner = $1 AND version = $2 AND n.dimensions = $4 AND ${fits}
  ORDER BY distance LIMIT $6
) m ON true
WHERE n.owner = $1 AND n.version = $2`,
    [owner, version, encodeVector(vector), vector.length, scanUpTo, atMost(limit)],
  );
}

function toMatches({ namespace, limit }: Search, rows: readonly Row[]): readonly VectorMatch[] {
  const [first] = rows;
  if (first !== undefined) checkCount(namespace, integer(first, "stored"), integer(first, "items"));
  return toNearest(
    rows.filter((row) => row["id"] !== null),
    limit,
  );
}
