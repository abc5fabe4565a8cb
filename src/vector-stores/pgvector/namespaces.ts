/** The statements that keep, read and drop namespaces. */

import type { Connection } from "../../postgres/connection.ts";
import { bytes, integer, type Row, text, WrongDataError } from "../../postgres/rows.ts";
import { namespaceName } from "../checks.ts";
import type { Namespace, VectorItem } from "../vector-store.ts";
import type { Extension } from "./schema.ts";
import { namespaceTable, vectorTable } from "./tables.ts";
import { decodeVector, encodeVector } from "./vector-bytes.ts";

/** The items of one call, taken out of the caller's hands. */
export interface Content {
  readonly dimensions: number;
  readonly ids: readonly string[];
  readonly vectors: readonly Buffer[];
}

/** The items have been checked. */
export function toContent(items: readonly VectorItem[], dimensions: number): Content {
  return {
    dimensions,
    ids: items.map(({ id }) => id),
    vectors: items.map(({ vector }) => encodeVector(vector)),
  };
}

const one = "owner = $1 AND version = $2";
const keyOf = ({ owner, version }: Namespace) => [owner, version];

export async function hasNamespace(connection: Connection, namespace: Namespace): Promise<boolean> {
  const rows = await connection.query(`SELECT FROM ${namespaceTable} WHERE ${one}`, keyOf(namespace));
  return rows.length > 0;
}

/** What a namespace says of itself; undefined when there is none. */
export async function sizeOf(
  connection: Connection,
  namespace: Namespace,
): Promise<{ readonly items: number; readonly dimensions: number } | undefined> {
  const [row] = await connection.query(
    `SELECT items, dimensions FROM ${namespaceTable} WHERE ${one}`,
    keyOf(namespace),
  );
  if (row === undefined) return undefined;
  return { items: integer(row, "items"), dimensions: integer(row, "dimensions") };
}

export async function versionsOf(connection: Connection, owner: string): Promise<readonly string[]> {
  const rows = await connection.query(`SELECT version FROM ${namespaceTable} WHERE owner = $1`, [owner]);
  return rows.map((row) => text(row, "version"));
}

/**
 * Inside a transaction. The upsert locks the namespace's row, so that a second writer of the namespace goes on only
 * after we have committed, and then sees and replaces our items. Readers see one snapshot, before or after.
 */
export async function putContent(
  connection: Connection,
  namespace: Namespace,
  content: Content,
): Promise<void> {
  await connection.query(
    `INSERT INTO ${namespaceTable} AS n (owner, version, dimensions, items) VALUES ($1, $2, $3, $4)
ON CONFLICT (owner, version) DO UPDATE
SET dimensions = excluded.dimensions, items = excluded.items, stored_at = excluded.stored_at`,
    [...keyOf(namespace), content.dimensions, content.ids.length],
  );
  await connection.query(`DELETE FROM ${vectorTable} WHERE ${one}`, keyOf(namespace));
  for (const batch of batchesOf(content))
    await connection.query(batch.sql, [...keyOf(namespace), ...batch.values]);
}

/** A statement takes at most 65,535 values; the bytes are a guess at what a server takes in with ease. */
const batchRows = 1000;
const batchBytes = 4_000_000;

function* batchesOf({ dimensions, ids, vectors }: Content): Generator<{ sql: string; values: unknown[] }> {
  const size = Math.max(1, Math.min(batchRows, Math.floor(batchBytes / (4 * dimensions + 4))));
  for (let start = 0; start < ids.length; start += size) {
    const rows: string[] = [];
    const values: unknown[] = [];
    for (let position = start; position < Math.min(ids.length, start + size); position++) {
      const at = values.push(position, ids[position], vectors[position]);
      rows.push(`($1, $2, $${at}, $${at + 1}, $${at + 2})`);
    }
    const sql = `INSERT INTO ${vectorTable} (owner, version, position, id, embedding) VALUES ${rows.join(", ")}`;
    yield { sql, values };
  }
}

/** Inside a transaction: the row first, which waits for a writer. */
export async function dropNamespace(connection: Connection, namespace: Namespace): Promise<void> {
  for (const table of [namespaceTable, vectorTable])
    await connection.query(`DELETE FROM ${table} WHERE ${one}`, keyOf(namespace));
}

/** All items in order; undefined when there is no such namespace. Fails when not all of it is there. */
export async function readNamespace(
  connection: Connection,
  namespace: Namespace,
  extension: Extension,
): Promise<readonly VectorItem[] | undefined> {
  const rows = await connection.query(
    `SELECT n.dimensions, n.items, v.position, v.id, ${extension.schema}.vector_send(v.embedding) AS embedding
FROM ${namespaceTable} n LEFT JOIN ${vectorTable} v USING (owner, version)
WHERE n.owner = $1 AND n.version = $2 ORDER BY v.position`,
    keyOf(namespace),
  );
  const [first] = rows;
  if (first === undefined) return undefined;
  const stored = first["position"] === null ? [] : rows;
  checkCount(namespace, stored.length, integer(first, "items"));
  return stored.map((row, position) => toItem(namespace, row, position));
}

function toItem(namespace: Namespace, row: Row, position: number): VectorItem {
  if (integer(row, "position") !== position)
    throw new WrongDataError(`"${namespaceName(namespace)}" has no item ${position}`);
  return { id: text(row, "id"), vector: decodeVector(bytes(row, "embedding"), integer(row, "dimensions")) };
}

export function checkCount(namespace: Namespace, stored: number, expected: number): void {
  if (stored === expected) return;
  throw new WrongDataError(`"${namespaceName(namespace)}" holds ${stored} of ${expected} items`);
}
