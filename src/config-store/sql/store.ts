/** A config store in a database: each call as one transaction of statements. */
import { type Row, text, WrongRowError, whole } from "../../sql/rows.ts";
import type { SqlRunner, Statement } from "../../sql/runner.ts";
import { untilAborted } from "../../util/deadline.ts";
import { callerLeft } from "../../util/store-error.ts";
import type { AuditChange, AuditEntry, ConfigStore, StoredEntity } from "../config-store.ts";
import { type ConfigStatements, formatVersion } from "./statements.ts";

export function createSqlConfigStore(
  runner: SqlRunner,
  statements: ConfigStatements,
  newToken: () => string,
): ConfigStore {
  /** Resolves when the tables are there; forgotten when that failed, and when they have gone. */
  let opened: Promise<void> | undefined;

  async function open(signal: AbortSignal): Promise<void> {
    opened ??= migrate(runner, statements, new AbortController().signal);
    const opening = opened;
    try {
      await untilAborted(opening, signal);
    } catch (error) {
      if (opened === opening) opened = undefined;
      throw signal.aborted ? callerLeft(runner.place) : error;
    }
  }

  /** Once more where somebody has taken the tables away meanwhile. */
  async function call<Value>(signal: AbortSignal, work: () => Promise<Value>): Promise<Value> {
    await open(signal);
    try {
      return await work();
    } catch (error) {
      if (error instanceof WrongRowError) throw runner.failure("corrupt", error.message);
      if (!runner.hasLostTables(error)) throw error;
      opened = undefined;
      await open(signal);
      return work();
    }
  }

  const rows = async (statement: Statement, signal: AbortSignal) =>
    (await runner.read([statement], signal))[0] ?? [];

  return {
    place: runner.place,
    version: (signal) =>
      call(signal, async () => whole((await rows(statements.version, signal))[0] ?? {}, "version")),
    read: (signal) =>
      call(signal, async () => {
        const [[version = {}] = [], entities = []] = await runner.read(
          [statements.version, statements.entities],
          signal,
        );
        return { version: whole(version, "version"), entities: entities.map(toEntity) };
      }),
    write: (write, signal) => {
      const token = newToken();
      return call(signal, async () => {
        const results = await runner.write(statements.write(write, token), signal);
        const isOurs = whole(results.at(-1)?.[0] ?? {}, "own") === 1;
        return isOurs ? write.expected + 1 : "conflict";
      });
    },
    audit: (page, signal) =>
      call(signal, async () => (await rows(statements.audit(page), signal)).map(toAuditEntry)),
    close: () => runner.close(),
  };
}

async function migrate(runner: SqlRunner, statements: ConfigStatements, signal: AbortSignal): Promise<void> {
  if ((await formatOf(runner, statements, signal)) === formatVersion) return;
  try {
    await runner.write(statements.migration, signal);
  } catch (error) {
    // Another process may have been first.
    if ((await formatOf(runner, statements, signal)) !== formatVersion) throw error;
  }
}

async function formatOf(
  runner: SqlRunner,
  statements: ConfigStatements,
  signal: AbortSignal,
): Promise<number> {
  const read = async (statement: Statement): Promise<Row> =>
    (await runner.read([statement], signal))[0]?.[0] ?? {};
  if (whole(await read(statements.hasSchema), "tables") === 0) return 0;
  const format = whole(await read(statements.format), "format");
  if (format <= formatVersion) return format;
  throw runner.failure(
    "unfit",
    `its tables have format ${format}, made by a newer Sluice; this one knows ${formatVersion} at most: upgrade it, ` +
      "or give it a database of its own",
  );
}

function toEntity(row: Row): StoredEntity {
  const record = parsed(row, "record");
  if (typeof record !== "object" || record === null || Array.isArray(record))
    throw new WrongRowError('the column "record" holds no JSON object');
  return { kind: text(row, "kind"), id: text(row, "id"), record: record as StoredEntity["record"] };
}

function toAuditEntry(row: Row): AuditEntry {
  return {
    version: whole(row, "version"),
    timeMs: whole(row, "time_ms"),
    actor: text(row, "actor"),
    source: text(row, "source"),
    changes: parsed(row, "changes") as readonly AuditChange[], // written by ourselves
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
