/** A database that is opened on first use, and again whenever it has lost its tables. */
import { untilAborted } from "../util/deadline.ts";
import { callerLeft, StoreError } from "../util/store-error.ts";
import { WrongRowError } from "./rows.ts";
import type { SqlRunner } from "./runner.ts";

/**
 * Runs `work` with what the opened database is spoken to with. Where somebody has taken the tables away meanwhile (an
 * emptied server, a deleted file), it is opened again and the work done once more. A `WrongRowError` becomes a `StoreError`.
 */
export type Opened<Queries> = <Value>(
  signal: AbortSignal,
  work: (queries: Queries) => Promise<Value>,
) => Promise<Value>;

/** `open` makes or migrates the tables; one call of it at a time, joined by whoever comes meanwhile. */
export function openOnUse<Queries>(
  runner: SqlRunner,
  open: (signal: AbortSignal) => Promise<Queries>,
): Opened<Queries> {
  /** Resolves when the tables are there; forgotten when that failed, and when the tables have gone. */
  let opened: Promise<Queries> | undefined;

  /** Callers that come meanwhile join the first; when that one leaves, the next begins anew. */
  async function opening(signal: AbortSignal): Promise<Queries> {
    const joined = opened;
    opened ??= open(signal);
    const current = opened;
    try {
      return await untilAborted(current, signal);
    } catch (error) {
      forget(current);
      if (signal.aborted) throw callerLeft(runner.place);
      if (joined !== undefined && error instanceof StoreError && error.kind === "aborted")
        return opening(signal);
      throw error;
    }
  }

  function forget(current: Promise<Queries> | undefined): void {
    if (opened === current) opened = undefined;
  }

  return async (signal, work) => {
    const queries = await opening(signal);
    const current = opened;
    try {
      return await work(queries);
    } catch (error) {
      if (error instanceof WrongRowError) throw runner.failure("corrupt", error.message);
      if (!runner.hasLostTables(error)) throw error;
      forget(current);
      return work(await opening(signal));
    }
  };
}
