/** A config store in a database: each call as one transaction of statements. */
import { type Formats, migrate } from "../../sql/migrate.ts";
import { openOnUse } from "../../sql/opening.ts";
import { optionalWhole, type Row, text, WrongRowError, whole } from "../../sql/rows.ts";
import type { SqlRunner, Statement } from "../../sql/runner.ts";
import type { Announcement, AuditChange, AuditEntry, ConfigStore, StoredEntity } from "../config-store.ts";
import { checkKeys } from "../keys.ts";
import type { ConfigStatements } from "./statements.ts";
import { formatVersion } from "./tables.ts";

/** `newToken` as in `ConfigStoreServices`. */
export function createSqlConfigStore(
  runner: SqlRunner,
  statements: ConfigStatements,
  newToken: () => string,
): ConfigStore {
  const call = openOnUse(runner, (signal) => migrate(runner, formatsOf(runner, statements), signal));
  const rows = async (statement: Statement, signal: AbortSignal) =>
    (await runner.read([statement], signal))[0] ?? [];

  return {
    place: runner.place,

    news: (after, signal) =>
      call(signal, async () => {
        const found = await rows(statements.news(after), signal);
        const [first = {}] = found;
        const told = found.filter((row) => optionalWhole(row, "number") !== undefined);
        return {
          version: whole(first, "version"),
          last: whole(first, "last"),
          announcements: told.map(toAnnouncement),
        };
      }),

    read: (signal) =>
      call(signal, async () => {
        const all = [statements.version, statements.entities];
        const [[version = {}] = [], entities = []] = await runner.read(all, signal);
        return { version: whole(version, "version"), entities: entities.map(toEntity) };
      }),

    async write(write, signal) {
      checkKeys(write, runner.place);
      // One for all runs of it.
      const transaction = statements.write(write, newToken());
      return call(signal, async () => {
        const results = await runner.write(transaction, signal);
        const isOurs = whole(results.at(-1)?.[0] ?? {}, "own") === 1;
        return isOurs ? write.expected + 1 : "conflict";
      });
    },

    async announce(announcement, signal) {
      const transaction = statements.announce(announcement, newToken());
      return call(signal, async () => {
        const results = await runner.write(transaction, signal);
        return whole(results.at(-1)?.[0] ?? {}, "number");
      });
    },

    audit: (page, signal) =>
      call(signal, async () => (await rows(statements.audit(page), signal)).map(toAuditEntry)),

    close: () => runner.close(),
  };
}

function formatsOf(
  runner: SqlRunner,
  { countSchemaTables, readFormat, migration }: ConfigStatements,
): Formats {
  return {
    countSchemaTables,
    readFormat,
    newest: formatVersion,
    step: (_from, signal) => runner.write(migration, signal),
    alternative: "a database of its own",
  };
}

function toEntity(row: Row): StoredEntity {
  const record = parsed(row, "record");
  if (typeof record !== "object" || record === null || Array.isArray(record))
    throw new WrongRowError('the column "record" holds no JSON object');
  return { kind: text(row, "kind"), id: text(row, "id"), record: record as StoredEntity["record"] }; // just checked
}

function toAnnouncement(row: Row): Announcement {
  return {
    number: whole(row, "number"),
    sender: text(row, "sender"),
    timeMs: whole(row, "time_ms"),
    body: text(row, "body"),
  };
}

function toAuditEntry(row: Row): AuditEntry {
  const changes = parsed(row, "changes");
  if (!Array.isArray(changes)) throw new WrongRowError('the column "changes" holds no JSON array');
  return {
    version: whole(row, "version"),
    timeMs: whole(row, "time_ms"),
    actor: text(row, "actor"),
    source: text(row, "source"),
    changes: changes as readonly AuditChange[], // written by ourselves
  };
}

function parsed(row: Row, column: string): unknown {
  const json = text(row, column);
  try {
    return JSON.parse(json);
  } catch {
    throw new WrongRowError(`the column "${column}" holds no JSON`);
  }
}
