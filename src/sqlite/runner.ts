/** Transactions on an SQLite file: one thread writes, another one, when it is asked for, reads. */
import { createCalls } from "../sql/calls.ts";
import type { SqlRunner, Statement } from "../sql/runner.ts";
import type { Schedule } from "../util/schedule.ts";
import { StoreError } from "../util/store-error.ts";
import { isWithoutTable, toStoreError } from "./failures.ts";
import type { SqliteOwner } from "./owner.ts";
import { type SqliteThread, startThread, threadGone } from "./thread.ts";

export interface SqliteSettings {
  readonly owner: SqliteOwner;
  readonly file: string;
  /** Bound on each call. */
  readonly timeoutMs: number;
}

/** Numbers that tests may choose otherwise. */
export interface SqliteTuning {
  /** See `ThreadOptions`. */
  readonly maxPages?: number;
}

/** A thread that is stuck is asked for no more than this; its answers would come too late for all of them. */
const mostUnderWay = 16;

/** The file and its folder are made where they are missing, for nobody else to read. */
export function createSqliteRunner(
  { owner, file, timeoutMs }: SqliteSettings,
  schedule: Schedule,
  { maxPages = 0 }: SqliteTuning = {},
): SqlRunner {
  const place = `sqlite at ${file}`;
  // Shorter than the call, so that what is said in the end is who was in the way.
  const busyMs = Math.ceil(timeoutMs * 0.8);
  const threads: Partial<Record<"read" | "write", SqliteThread>> = {};
  const calls = createCalls({
    place,
    timeoutMs,
    schedule,
    timedOut: () =>
      new StoreError("unreachable", `${place}: no answer within ${timeoutMs} ms (${owner.block}.timeout)`),
  });

  async function run(mode: "read" | "write", statements: readonly Statement[], signal: AbortSignal) {
    try {
      return await calls.run(signal, async () => {
        threads[mode] ??= startThread({ file, busyMs, maxPages });
        const thread = threads[mode];
        if (thread.underWay >= mostUnderWay) throw stuck(place);
        return thread.run(mode, statements).catch((error: unknown) => {
          if (isGone(error) && threads[mode] === thread) delete threads[mode];
          throw error;
        });
      });
    } catch (error) {
      throw toStoreError(error, place, owner);
    }
  }

  return {
    place,
    write: (statements, signal) => run("write", statements, signal),
    read: (statements, signal) => run("read", statements, signal),
    hasLostTables: isWithoutTable,
    failure: (kind, message) => new StoreError(kind, `${place}: ${message}`),
    async close() {
      calls.close();
      await Promise.all(Object.values(threads).map((thread) => within(thread.end(), timeoutMs, schedule)));
    },
  };
}

/** Waits for it, but not longer. */
function within(work: Promise<void>, timeoutMs: number, schedule: Schedule): Promise<void> {
  return new Promise((resolve) => {
    const cancel = schedule(timeoutMs, resolve);
    void work.then(() => {
      cancel();
      resolve();
    });
  });
}

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === threadGone;
}

function stuck(place: string): StoreError {
  return new StoreError(
    "unreachable",
    `${place}: ${mostUnderWay} calls have no answer yet, so no more are made`,
  );
}
