/** Transactions on a PostgreSQL server. */
import { createCalls } from "../sql/calls.ts";
import type { Row } from "../sql/rows.ts";
import type { SqlRunner, Statement } from "../sql/runner.ts";
import type { Schedule } from "../util/schedule.ts";
import { StoreError } from "../util/store-error.ts";
import { type Connection, openConnection } from "./connection.ts";
import { createConnections } from "./connections.ts";
import { failure, timedOut, toStoreError } from "./failures.ts";
import { isLostRace, isVanished, sqlStateOf } from "./server-error.ts";
import type { Settings } from "./settings.ts";
import { inTransaction } from "./transaction.ts";

/** One for the writer, one for whoever asks for a report meanwhile. */
const mostConnections = 2;

/** Outlives the pause between two batches of a gateway that has little to do. */
const idleMs = 30_000;

export interface RunnerOptions {
  readonly schedule: Schedule;
  /** One of what is written, for messages: `an entry`. */
  readonly item: string;
}

export function createPostgresRunner(settings: Settings, { schedule, item }: RunnerOptions): SqlRunner {
  const { place, timeoutMs } = settings;
  const connections = createConnections({
    open: (signal) => openConnection(settings, signal),
    schedule,
    max: mostConnections,
    idleMs,
  });
  const calls = createCalls({ place, timeoutMs, schedule, timedOut: () => timedOut(settings) });

  async function run(begin: Begin, statements: readonly Statement[], signal: AbortSignal) {
    const work = (connection: Connection) =>
      inTransaction(connection, settings, () => inOrder(connection, [...begin, ...statements]));
    try {
      const rows = await calls.run(signal, (bounded) => twice(bounded, work));
      return rows.slice(begin.length);
    } catch (error) {
      throw toRunnerError(error, settings, item);
    }
  }

  async function twice<Value>(signal: AbortSignal, work: (connection: Connection) => Promise<Value>) {
    try {
      return await connections.use(signal, work);
    } catch (error) {
      if (signal.aborted || !isLostRace(error)) throw error;
      return connections.use(signal, work);
    }
  }

  return {
    place,
    write: (statements, signal) => run([], statements, signal),
    read: (statements, signal) => run(snapshot, statements, signal),
    hasLostTables: (error) => error instanceof StoreError && isVanished(error.cause),
    failure: (kind, message) => failure(settings, kind, message),
    async close() {
      calls.close();
      await connections.close();
    },
  };
}

type Begin = readonly Statement[];

/** All statements of a report see the same rows. */
const snapshot: Begin = [
  { sql: "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", parameters: [] },
];

async function inOrder(
  connection: Connection,
  statements: readonly Statement[],
): Promise<readonly (readonly Row[])[]> {
  const results: (readonly Row[])[] = [];
  for (const { sql, parameters } of statements) results.push(await connection.query(sql, parameters));
  return results;
}

/** Data that the server does not take (classes 22 and 23) is the fault of what is written here, not of what is stored. */
function toRunnerError(error: unknown, settings: Settings, item: string): StoreError {
  if (!/^2[23]/.test(sqlStateOf(error) ?? "")) return toStoreError(error, settings);
  const message = error instanceof Error ? error.message.split("\n", 1)[0] : "";
  return failure(settings, "invalid", `the server does not take what is in ${item}: ${message}`, error);
}
