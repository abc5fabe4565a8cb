/** The ledger in a database: opening it, and every call as transactions of statements. */
import { type Formats, migrate } from "../../sql/migrate.ts";
import { openOnUse } from "../../sql/opening.ts";
import { optionalWhole, text, WrongRowError, whole } from "../../sql/rows.ts";
import type { SqlRunner, Statement } from "../../sql/runner.ts";
import type { LedgerEntry } from "../entry.ts";
import type { EntryLine } from "../entry-line.ts";
import type { LedgerPeriod, LedgerStore } from "../ledger-store.ts";
import { toArms } from "./arms.ts";
import type { PageEnd } from "./entries.ts";
import { readEntry } from "./entry-rows.ts";
import type { Queries } from "./queries.ts";
import { toSums } from "./sums.ts";
import { formatVersion, movingFormat } from "./tables.ts";

/** Entries of one page: some hundred kilobytes. */
const pageSize = 500;

/** Entries deleted in one transaction: some milliseconds, so that no writer waits long. */
const pruneSize = 500;

/** `load` gives the queries in the database's dialect. */
export function createSqlStore(runner: SqlRunner, load: () => Promise<Queries>): LedgerStore {
  const call = openOnUse(runner, async (signal) => {
    const queries = await load();
    await migrate(runner, formatsOf(runner, queries), signal);
    return queries;
  });

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

function formatsOf(runner: SqlRunner, queries: Queries): Formats {
  return {
    countSchemaTables: queries.countSchemaTables,
    readFormat: queries.readFormat,
    newest: formatVersion,
    step: (from, signal) => step(runner, queries, { from, signal }),
    alternative: "a ledger of its own",
  };
}

interface Step {
  readonly from: number;
  readonly signal: AbortSignal;
}

/** Rows are moved some at a time, however many there are: each transaction ends in time, and others may write between two. */
async function step(runner: SqlRunner, queries: Queries, { from, signal }: Step): Promise<void> {
  if (from === movingFormat)
    for (let left = 1; left > 0; ) {
      const moved = await runner.write(queries.move, signal);
      left = whole(moved.at(-1)?.[0] ?? {}, "left");
    }
  await runner.write(queries.migration(from), signal);
}

/** The first of each id, as if they had been written one by one. */
function withoutRepeats(lines: readonly EntryLine[]): readonly EntryLine[] {
  const seen = new Set<string>();
  return lines.filter(({ id }) => !seen.has(id) && seen.add(id));
}
