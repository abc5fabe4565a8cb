/** Errors that the server itself reported, by their SQLSTATE. */

/** As `pg` raises them; its class is loaded late, hence the structure. */
interface ServerError extends Error {
  readonly code: string;
  readonly severity: string;
}

/** The SQLSTATE of an error that the server reported; undefined for all others, a lost connection among them. */
export function sqlStateOf(error: unknown): string | undefined {
  return isServerError(error) ? error.code : undefined;
}

function isServerError(error: unknown): error is ServerError {
  return error instanceof Error && "severity" in error && "code" in error && typeof error.code === "string";
}

/** After it the connection is of no use: it broke, or the server is about to break it (classes 08 and 57P). */
export function endsConnection(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === undefined || /^(?:08|57P)/.test(state);
}

/**
 * Lost to another node that did the same at the same time: serialization failure, deadlock, and the unique violations
 * and duplicate objects of CREATE … IF NOT EXISTS, which is not safe under concurrency.
 */
const races: ReadonlySet<string> = new Set(["40001", "40P01", "23505", "42710", "42P07"]);

export function isLostRace(error: unknown): boolean {
  return races.has(sqlStateOf(error) ?? "");
}

/** A table, type, function or operator is not where it was when the schema was last looked at. */
const vanished: ReadonlySet<string> = new Set(["42P01", "42704", "42883", "3F000"]);

export function isVanished(error: unknown): boolean {
  return vanished.has(sqlStateOf(error) ?? "");
}
