/** The tables, and the statements that make them. */
import type { Statement } from "../../sql/runner.ts";
import type { SqlWords } from "./words.ts";

export const configTables = {
  schema: "sluice_config_schema",
  changes: "sluice_config_changes",
  entities: "sluice_config_entities",
  announcements: "sluice_config_announcements",
} as const;

/** The format of the tables that this version of Sluice makes. 1: without announcements. */
export const formatVersion = 2;

/**
 * For one transaction, from nothing and from any format before. Of two processes that run it at once the second waits, and then
 * meets what the first has made.
 */
export function tableStatements({ key, lock, numbered }: SqlWords): readonly Statement[] {
  const { schema, changes, entities, announcements } = configTables;
  const texts = [
    ...lock,
    `create table if not exists ${schema} (format integer primary key)`,
    // Each row is a version. Its token tells the one whose write made it.
    `create table if not exists ${changes} (version bigint primary key, token text not null, time_ms bigint not null, ` +
      "actor text not null, source text not null, changes text not null)",
    // JSON as text: it comes back as it was written, the order of its fields included.
    `create table if not exists ${entities} (kind ${key} not null, id ${key} not null, record text not null, ` +
      "primary key (kind, id))",
    `create table if not exists ${announcements} (number bigint primary key, token text not null unique, ` +
      "sender text not null, time_ms bigint not null, body text not null)",
    `insert into ${schema} (format) values (${formatVersion}) on conflict do nothing`,
  ];
  return texts.map((text) => ({ sql: numbered(text), parameters: [] }));
}
