/** What the database has, and how it comes to have what we need. */

import type { Connection } from "../../postgres/connection.ts";
import { failure } from "../../postgres/failures.ts";
import { flag, integer, type Row, text } from "../../postgres/rows.ts";
import { sqlStateOf } from "../../postgres/server-error.ts";
import type { Settings } from "../../postgres/settings.ts";
import { quoted } from "../../postgres/sql-name.ts";
import { inTransaction } from "../../postgres/transaction.ts";
import type { StoreFacts } from "../vector-store.ts";
import {
  createExtension,
  formats,
  formatVersion,
  grants,
  namespaceTable,
  noteFormat,
  schemaTable,
  tables,
  vectorTable,
} from "./tables.ts";

export interface Facts {
  /** `17.12`. */
  readonly serverVersion: string;
  /** Where new tables go; undefined where the role's search_path has no schema to create in. */
  readonly schema: string | undefined;
  readonly extension: Extension | undefined;
  /** 0: our tables are not there, or of no format. */
  readonly format: number;
  /** Those of our tables that are missing. */
  readonly missing: readonly string[];
  /** Whether we may make and drop indexes. */
  readonly isOwner: boolean;
  /** Whether we may create the extension and the tables, and read and write them if they are there. */
  readonly may: { readonly extend: boolean; readonly create: boolean; readonly write: boolean };
}

export interface Extension {
  /** `0.8.0`. */
  readonly version: string;
  /** The schema its types and operators are in, quoted. It need not be in the search_path. */
  readonly schema: string;
}

/** All tables are there, and the extension: nothing needs to be made. */
export interface CompleteFacts extends Facts {
  readonly extension: Extension;
}

export function isComplete(facts: Facts): facts is CompleteFacts {
  return facts.extension !== undefined && facts.format === formatVersion && facts.missing.length === 0;
}

/** One row, whatever is missing. Catalogs and functions alone, so that it works for every role. */
const factsQuery = `SELECT
  current_setting('server_version') AS server,
  current_setting('server_encoding') AS encoding,
  current_schema()::text AS schema,
  e.extversion AS extension,
  quote_ident(n.nspname) AS "extensionSchema",
  e.oid IS NOT NULL OR EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') AS available,
  to_regclass('${schemaTable}') IS NOT NULL AS "${schemaTable}",
  to_regclass('${namespaceTable}') IS NOT NULL AS "${namespaceTable}",
  c.oid IS NOT NULL AS "${vectorTable}",
  coalesce(pg_has_role(c.relowner, 'USAGE'), false) AS "isOwner",
  has_database_privilege(current_database(), 'CREATE') AS "mayExtend",
  coalesce(has_schema_privilege(current_schema()::text, 'CREATE'), false) AS "mayCreate",
  coalesce(has_table_privilege(to_regclass('${schemaTable}'), 'SELECT'), false) AS "mayReadFormat",
  coalesce(${["SELECT", "INSERT", "UPDATE", "DELETE"]
    .flatMap((right) =>
      [namespaceTable, vectorTable].map(
        (table) => `has_table_privilege(to_regclass('${table}'), '${right}')`,
      ),
    )
    .join(" AND ")}, false) AS "mayWrite"
FROM (VALUES (1)) AS one
LEFT JOIN pg_extension e ON e.extname = 'vector'
LEFT JOIN pg_namespace n ON n.oid = e.extnamespace
LEFT JOIN pg_class c ON c.oid = to_regclass('${vectorTable}')`;

/**
 * Looks at the database without changing it. Fails as `unfit` where no vectors can be kept, whatever anybody grants:
 * without the extension's files, in an encoding that cannot hold all text, or in the format of a newer Sluice.
 */
export async function readFacts(connection: Connection, settings: Settings): Promise<Facts> {
  const [row] = await connection.query(factsQuery);
  if (row === undefined) throw new Error("the server answered a question about itself with nothing");
  const server = (text(row, "server").split(" ", 1)[0] ?? "") as string;
  const encoding = text(row, "encoding");
  if (encoding !== "UTF8" && encoding !== "SQL_ASCII") throw wrongEncoding(settings, encoding);
  if (!flag(row, "available")) throw withoutExtension(settings, server);
  const mayReadFormat = flag(row, "mayReadFormat");
  const hasFormat = flag(row, schemaTable);
  if (hasFormat && !mayReadFormat) throw notGranted(settings);
  const format = hasFormat ? await readFormat(connection) : 0;
  if (format > formatVersion) throw tooNew(settings, format);
  return {
    serverVersion: server,
    schema: row["schema"] === null ? undefined : text(row, "schema"),
    extension: extensionOf(row),
    format,
    missing: tables.filter((table) => !flag(row, table)),
    isOwner: flag(row, "isOwner"),
    may: { extend: flag(row, "mayExtend"), create: flag(row, "mayCreate"), write: flag(row, "mayWrite") },
  };
}

function extensionOf(row: Row): Extension | undefined {
  if (row["extension"] === null) return undefined;
  return { version: text(row, "extension"), schema: text(row, "extensionSchema") };
}

async function readFormat(connection: Connection): Promise<number> {
  const [row] = await connection.query(`SELECT coalesce(max(format), 0) AS format FROM ${schemaTable}`);
  return row === undefined ? 0 : integer(row, "format");
}

/** Fails as `denied`, with the commands that would help, where this role cannot make, or not write, what it needs. */
export function checkRights(facts: Facts, settings: Settings): void {
  if (facts.extension === undefined && !facts.may.extend) throw mayNotExtend(settings);
  if ((facts.missing.length > 0 || facts.format < formatVersion) && !facts.may.create)
    throw mayNotCreate(facts, settings);
  if (facts.missing.length === 0 && !facts.may.write) throw notGranted(settings);
}

export function toStoreFacts({ serverVersion, extension }: Facts): StoreFacts {
  return {
    server: `PostgreSQL ${serverVersion}`,
    engine:
      extension === undefined ? "pgvector, not yet created in the database" : `pgvector ${extension.version}`,
  };
}

/**
 * Makes what is missing, once, however many nodes ask at the same time: in a transaction, behind a lock that all of
 * them take, looking again once they have it.
 */
export async function prepare(connection: Connection, settings: Settings): Promise<CompleteFacts> {
  const found = await readFacts(connection, settings);
  checkRights(found, settings);
  if (isComplete(found)) return found;
  await inTransaction(connection, settings, async () => {
    await connection.query(`SELECT pg_advisory_xact_lock(${schemaLock})`);
    const { extension } = await readFacts(connection, settings);
    if (extension === undefined) await extend(connection, settings);
    const { extension: made, format } = await readFacts(connection, settings);
    if (made === undefined)
      throw failure(settings, "unfit", `${createExtension} did not create the extension`);
    await migrate(connection, `${made.schema}.vector`, format);
  });
  const facts = await readFacts(connection, settings);
  if (isComplete(facts)) return facts;
  throw failure(
    settings,
    "unfit",
    `the tables ${facts.missing.join(", ")} were created but are not found: the search_path of ` +
      `${quoted(settings.user)} must begin with a schema that it may use`,
  );
}

/** The two halves of an advisory lock's key: "sluc", and the schema. Namespaces lock others, by their hash. */
const schemaLock = "1936487779, 1";

async function extend(connection: Connection, settings: Settings): Promise<void> {
  try {
    await connection.query(createExtension);
  } catch (error) {
    if (sqlStateOf(error) === "42501") throw mayNotExtend(settings, error);
    throw error;
  }
}

/** All formats up to ours, even where some are noted: a table that somebody dropped is made again. */
async function migrate(connection: Connection, vector: string, from: number): Promise<void> {
  const all = formats(vector);
  for (const [index, statements] of all.entries()) {
    for (const statement of statements) await connection.query(statement);
    if (index >= from) await connection.query(noteFormat(index + 1));
  }
}

function wrongEncoding(settings: Settings, encoding: string) {
  return failure(
    settings,
    "unfit",
    `the database is encoded in ${encoding}, which cannot hold all text; create one with: ` +
      `CREATE DATABASE ${quoted(settings.database)} ENCODING 'UTF8' TEMPLATE template0;`,
  );
}

function withoutExtension(settings: Settings, server: string) {
  return failure(
    settings,
    "unfit",
    `PostgreSQL ${server} there has no pgvector; install it on the server ` +
      `(on Debian: apt-get install postgresql-${server.split(".", 1)[0]}-pgvector) or use a server that has it`,
  );
}

function tooNew(settings: Settings, format: number) {
  return failure(
    settings,
    "unfit",
    `the tables ${tables.join(", ")} have format ${format}, made by a newer Sluice; this one knows ` +
      `${formatVersion} at most: upgrade it, or give it a database of its own`,
  );
}

function mayNotExtend(settings: Settings, cause?: unknown) {
  return failure(
    settings,
    "denied",
    `${quoted(settings.user)} may not create the extension; as an administrator, run in this database: ${createExtension};`,
    cause,
  );
}

function mayNotCreate({ schema, missing }: Facts, settings: Settings) {
  const what = missing.length === 0 ? "migrate the tables" : `create the tables ${missing.join(", ")}`;
  const where = schema === undefined ? "in any schema of its search_path" : `in the schema ${quoted(schema)}`;
  return failure(
    settings,
    "denied",
    `${quoted(settings.user)} may not ${what} ${where}; as an administrator, run in this database: ` +
      `GRANT CREATE ON SCHEMA ${quoted(schema ?? "public")} TO ${quoted(settings.user)};`,
  );
}

function notGranted(settings: Settings) {
  return failure(
    settings,
    "denied",
    `${quoted(settings.user)} may not read and write the tables; as an administrator, run in this database: ${grants(settings.user)}`,
  );
}
