/** A transaction, bounded on the server's side too. */
import type { Connection } from "./connection.ts";
import type { Settings } from "./settings.ts";

/**
 * Runs `work` between BEGIN and COMMIT, or rolls back. The bound on its statements outlives us: a server does not notice
 * that a client has left before the statement ends, and one that waits for a lock would wait, and hold its own locks,
 * for ever. `SET LOCAL` ends with the transaction, so that a pooler's next client does not meet it.
 */
export async function inTransaction<Value>(
  connection: Connection,
  { timeoutMs }: Pick<Settings, "timeoutMs">,
  work: () => Promise<Value>,
  locals: Readonly<Record<string, string | number>> = {},
): Promise<Value> {
  const all = { statement_timeout: timeoutMs, ...locals };
  const sets = Object.entries(all).map(([name, value]) => `SET LOCAL ${name} = ${value}`);
  try {
    await connection.query(["BEGIN ISOLATION LEVEL READ COMMITTED", ...sets].join("; "));
    const value = await work();
    await connection.query("COMMIT");
    return value;
  } catch (error) {
    await connection.query("ROLLBACK").catch(() => connection.destroy());
    throw error;
  }
}
