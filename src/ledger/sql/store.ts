/** The ledger in a database: opening it, and every call as transactions of statements. */
import { untilAborted } from "../../util/deadline.ts";
import { callerLeft, StoreError } from "../../util/store-error.ts";
import type { LedgerEntry } from "../entry.ts";
import type { EntryLine } from "../entry-line.ts";
import type { LedgerPeriod, LedgerStore } from "../ledger-store.ts";
import { toArms } from "./arms.ts";
import type { PageEnd } from "./entries.ts";
import { readEntry } from "./entry-rows.ts";
import type { Queries } from "./queries.ts";
import { optionalWhole, type Row, text, WrongRowError, whole } from "./rows.ts";
import type { SqlRunner, Statement } from "./runner.ts";
import { toSums } from "./sums.ts";
import { formatVersion, movingFormat } from "./tables.ts";

/** Entries of one page: some hundred kilobytes. */
const pageSize = 500;

/** Entries deleted in one transaction: some milliseconds, so that no writer waits long. */
const pruneSize = 500;

/** `load` gives the queries in the database's dialect. */
export function createSqlStore(runner: SqlRunner, load: () => Promise<Queries>): LedgerStore {
  /** Resolves when the tables are there; forgotten when that failed, and when the tables have gone. */
  let opened: Promise<Queries> | undefined;

  /** Callers that come meanwhile join the first; when that one leaves, the next begins anew. */
  async function open(signal: AbortSignal): Promise<Queries> {
    const joined = opened;
    opened ??= load().then(async (queries) => {
      await migrate(runner, queries, signal);
      return queries;
    });
    const opening = opened;
    try {
      return await untilAborted(opening, signal);
    } catch (error) {
      forget(opening);
      if (signal.aborted) throw callerLeft(runner.place);
      if (joined !== undefined && error instanceof StoreError && error.kind === "aborted")
        return open(signal);
      throw error;
    }
  }

  function forget(opening: Promise<Queries> | undefined): void {
    if (opened === opening) opened = undefined;
  }

  /** Once more where somebody has taken the tables away meanwhile: an emptied server, a deleted file. */
  async function call<Value>(
    signal: AbortSignal,
    work: (queries: Queries) => Promise<Value>,
  ): Promise<Value> {
    const queries = await open(signal);
    const opening = opened;
    try {
      return await work(queries);
    } catch (error) {
      if (error instanceof WrongRowError) throw runner.failure("corrupt", error.message);
      if (!runner.hasLostTables(error)) throw error;
      forget(opening);
      return work(await open(signal));
    }
  }

  const one = async (statement: Statement, signal: AbortSignal) =>
    (await runner.read([statement], signal))[0] ?? [];

  return {
    place: runner.place,

    async append(lines, signal) {
      const first = withoutRepeats(lines);
      await call(signal, (queries) => runner.write(queries.append(first), signal));
    },

    sums: (query, signal) =>
      call(signal, async (queries) => toSums(query.by, await runner.read(queries.sums(query), signal))),

    arms: (period, signal) =>
      call(signal, async (queries) => toArms(await one(queries.arms(period), signal))),

    async *entries(period: LedgerPeriod, signal): AsyncGenerator<LedgerEntry> {
      let after: PageEnd | undefined;
      for (;;) {
        const page = { ...period, after, limit: pageSize };
        const entries = await call(signal, async (queries) =>
          (await one(queries.page(page), signal)).map(readEntry),
        );
        yield* entries;
        const last = entries.at(-1);
        if (last === undefined || entries.length < pageSize) return;
        after = { timeMs: last.timeMs, id: last.id };
      }
    },

    prune: (beforeMs, signal) =>
      call(signal, async (queries) => {
        const rows = await one(queries.oldest(beforeMs, pruneSize), signal);
        const ids = rows.map((row) => text(row, "id"));
        if (ids.length > 0) await runner.write([queries.delete(ids)], signal);
        return ids.length;
      }),

    facts: (signal) =>
      call(signal, async (queries) => {
        const [[row] = []] = await runner.write([queries.facts], signal);
        if (row === undefined) throw new WrongRowError("a count came without a row");
        return {
          server: text(row, "server"),
          entries: whole(row, "entries"),
          oldestMs: optionalWhole(row, "oldest"),
          bytes: whole(row, "bytes"),
        };
      }),

    close: () => runner.close(),
  };
}

/**
 * Makes what is missing. Another process may do so at the same time and be first: what fails then is looked at again.
 */
async function migrate(runner: SqlRunner, queries: Queries, signal: AbortSignal): Promise<void> {
  let found = await formatOf(runner, queries, signal);
  while (found !== formatVersion) {
    const failure = await step(runner, queries, { from: found, signal }).catch(toFailure);
    const format = await formatOf(runner, queries, signal);
    if (failure !== undefined && format === found) throw failure.error;
    found = format;
  }
}

interface Step {
  readonly from: number;
  readonly signal: AbortSignal;
}

/** Rows are moved some at a time, however many there are: each transaction ends in time, and others may write between two. */
async function step(runner: SqlRunner, queries: Queries, { from, signal }: Step): Promise<undefined> {
  if (from === movingFormat)
    for (let left = 1; left > 0; ) {
      const moved = await runner.write(queries.move, signal);
      left = whole(moved.at(-1)?.[0] ?? {}, "left");
    }
  await runner.write(queries.migration(from), signal);
}

function toFailure(error: unknown): { readonly error: unknown } {
  return { error };
}

async function formatOf(runner: SqlRunner, queries: Queries, signal: AbortSignal): Promise<number> {
  const read = async (statement: Statement): Promise<Row> =>
    (await runner.read([statement], signal))[0]?.[0] ?? {};
  if (whole(await read(queries.countSchemaTables), "tables") === 0) return 0;
  const format = whole(await read(queries.readFormat), "format");
  if (format <= formatVersion) return format;
  throw runner.failure(
    "unfit",
    `its tables have format ${format}, made by a newer Sluice; this one knows ${formatVersion} at most: ` +
      "upgrade it, or give it a ledger of its own",
  );
}

/** The first of each id, as if they had been written one by one. */
function withoutRepeats(lines: readonly EntryLine[]): readonly EntryLine[] {
  const seen = new Set<string>();
  return lines.filter(({ id }) => !seen.has(id) && seen.add(id));
}
