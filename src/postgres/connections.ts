/** A few connections, opened when needed, kept for a while, and thrown away when in doubt. */
import { createLimit } from "../util/limit.ts";
import type { Schedule } from "../util/schedule.ts";
import type { Connection } from "./connection.ts";

export interface Connections {
  /**
   * Runs `work` on a connection of its own. Aborting ends that connection at once, since a server that does not answer
   * would block it for ever. Work that finds a kept connection dead is done again on a fresh one, so it must be safe
   * to do twice.
   */
  use<Value>(signal: AbortSignal, work: (connection: Connection) => Promise<Value>): Promise<Value>;
  /** Ends all connections; work under way fails. */
  close(): Promise<void>;
}

export interface ConnectionsOptions {
  readonly open: (signal: AbortSignal) => Promise<Connection>;
  readonly schedule: Schedule;
  /** Most connections at a time. */
  readonly max: number;
  /** How long a connection is kept that nobody uses. */
  readonly idleMs: number;
}

/** How long a server may take to acknowledge a goodbye. */
const goodbyeMs = 500;

export function createConnections({ open, schedule, max, idleMs }: ConnectionsOptions): Connections {
  const limit = createLimit(max);
  const busy = new Set<Connection>();
  /** With the cancel of the timer that ends it. */
  const idle = new Map<Connection, () => void>();
  let isClosed = false;

  /** The one used last, so that those that are not needed grow old; dead ones are dropped on the way. */
  function takeIdle(): Connection | undefined {
    for (const [connection, cancel] of [...idle].reverse()) {
      cancel();
      idle.delete(connection);
      if (connection.isAlive()) return connection;
    }
    return undefined;
  }

  function giveBack(connection: Connection): void {
    if (!connection.isAlive()) return;
    if (isClosed) {
      connection.destroy();
      return;
    }
    connection.letGo();
    idle.set(
      connection,
      schedule(idleMs, () => {
        idle.delete(connection);
        void sayGoodbye(connection);
      }),
    );
  }

  async function sayGoodbye(connection: Connection): Promise<void> {
    if (!connection.isAlive()) return;
    const cancel = schedule(goodbyeMs, () => connection.destroy());
    connection.hold();
    // Ending fails only where the connection has ended already.
    await connection.end().catch(() => connection.destroy());
    cancel();
  }

  async function workOn<Value>(
    connection: Connection,
    signal: AbortSignal,
    work: (connection: Connection) => Promise<Value>,
  ): Promise<Value> {
    const leave = () => connection.destroy();
    signal.addEventListener("abort", leave, { once: true });
    // It may have been aborted between the last wait and now; nobody would end the connection then.
    if (signal.aborted) leave();
    busy.add(connection);
    connection.hold();
    try {
      return await work(connection);
    } finally {
      signal.removeEventListener("abort", leave);
      busy.delete(connection);
      giveBack(connection);
    }
  }

  return {
    use: (signal, work) =>
      limit(async () => {
        const kept = takeIdle();
        if (kept !== undefined) {
          try {
            return await workOn(kept, signal, work);
          } catch (error) {
            if (kept.isAlive() || isClosed || signal.aborted) throw error;
          }
        }
        return workOn(await open(signal), signal, work);
      }, signal),
    async close() {
      isClosed = true;
      for (const connection of busy) connection.destroy();
      const ends = [...idle].map(([connection, cancel]) => {
        cancel();
        return sayGoodbye(connection);
      });
      idle.clear();
      await Promise.all(ends);
    },
  };
}
