/** The tables, as SQL: what a role that may create them runs by itself, and what an administrator may run beforehand. */

import { quoted } from "../../postgres/sql-name.ts";

export const schemaTable = "sluice_vector_schema";
export const namespaceTable = "sluice_vector_namespaces";
export const vectorTable = "sluice_vectors";

export const tables = [schemaTable, namespaceTable, vectorTable] as const;

/** The extension that we cannot do without. */
export const createExtension = "CREATE EXTENSION IF NOT EXISTS vector";

/** The format that this version of Sluice writes: how many of `formats` a database has gone through. */
export const formatVersion = 1;

/**
 * The statements that lead from each format to the next, each safe to repeat. `vector` is the type's full name.
 *
 * A namespace has a row of its own, so that an empty one exists and `has` is one look into one index; that row's lock
 * is what makes writers of the same namespace wait for each other. The column `embedding` has no length, so that every
 * dimension fits. There is no foreign key: a namespace whose row is gone holds nothing, whatever rows lie about.
 */
export function formats(vector: string): readonly (readonly string[])[] {
  return [
    [
      `CREATE TABLE IF NOT EXISTS ${schemaTable} (
  format integer PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT now()
)`,
      `CREATE TABLE IF NOT EXISTS ${namespaceTable} (
  owner text COLLATE "C" NOT NULL,
  version text COLLATE "C" NOT NULL,
  dimensions integer NOT NULL,
  items integer NOT NULL,
  stored_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, version)
)`,
      `CREATE TABLE IF NOT EXISTS ${vectorTable} (
  owner text COLLATE "C" NOT NULL,
  version text COLLATE "C" NOT NULL,
  position integer NOT NULL,
  id text COLLATE "C" NOT NULL,
  embedding ${vector} NOT NULL,
  PRIMARY KEY (owner, version, position)
)`,
    ],
  ];
}

/** Notes that a format is in place. */
export function noteFormat(format: number): string {
  return `INSERT INTO ${schemaTable} (format) VALUES (${format}) ON CONFLICT (format) DO NOTHING`;
}

/**
 * Everything in order, for an administrator whose gateway may not create tables: run it in the gateway's database, then
 * `grants`. A gateway that does not own the tables makes no indexes; it finds the same, by looking at every vector.
 */
export function preparation(): readonly string[] {
  return [createExtension, ...formats("vector").flat(), noteFormat(formatVersion)];
}

/** What a role needs that may not create tables, where somebody else has created them. */
export function grants(user: string): string {
  const role = quoted(user);
  return (
    `GRANT SELECT ON ${schemaTable} TO ${role}; ` +
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ${namespaceTable}, ${vectorTable} TO ${role};`
  );
}
