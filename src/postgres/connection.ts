/** One connection to the server, from the first byte to the last. */
import { Socket } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { failure } from "./failures.ts";
import type { Row } from "./rows.ts";
import { endsConnection } from "./server-error.ts";
import type { Settings } from "./settings.ts";
import { tlsOptions } from "./tls.ts";

export interface Connection {
  /**
   * Runs one statement. With values: the extended protocol's unnamed statement, so that a pooler in transaction mode
   * may change the server connection between two calls. Without: any number of statements, in one round trip.
   */
  query(sql: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  isAlive(): boolean;
  /** Keeps the process alive, or lets it end, while the connection is open. */
  hold(): void;
  letGo(): void;
  /** Ends it at once, whatever it is doing; a statement under way fails. */
  destroy(): void;
  /** Says goodbye to the server; resolves when the connection is gone. */
  end(): Promise<void>;
}

/** Connects and signs in. Aborting ends the attempt at once, whatever step it is at. */
export async function openConnection(settings: Settings, signal: AbortSignal): Promise<Connection> {
  const { tls } = settings;
  if (tls === undefined) return connect(settings, false, signal);
  try {
    return await connect(settings, await tlsOptions(tls, settings.owner), signal);
  } catch (error) {
    if (!isWithoutTls(error)) throw error;
    if (tls.isRequired) {
      throw failure(
        settings,
        "unfit",
        `the server does not encrypt: set ssl = on there, or ${settings.owner.block}.ssl_required to false`,
        error,
      );
    }
    return connect(settings, false, signal);
  }
}

/** The words of `pg` for the server's answer N to an SSLRequest. */
function isWithoutTls(error: unknown): boolean {
  return error instanceof Error && error.message === "The server does not support SSL connections";
}

async function connect(
  settings: Settings,
  ssl: ConnectionOptions | false,
  signal: AbortSignal,
): Promise<Connection> {
  const { Client } = await import("pg");
  signal.throwIfAborted();
  const socket = new Socket();
  const client = new Client({
    host: settings.host,
    port: settings.port,
    user: settings.user,
    // A function, because without a value `pg` looks into the environment and into ~/.pgpass.
    password: () => passwordOf(settings),
    database: settings.database,
    ssl,
    stream: () => socket,
    application_name: "sluice",
    keepAlive: true,
  });
  let isAlive = true;
  const die = () => {
    isAlive = false;
    socket.destroy();
  };
  // What broke is told by the statement under way; an idle connection that breaks is simply not used again.
  client.on("error", die);
  client.on("end", die);
  signal.addEventListener("abort", die, { once: true });
  try {
    await client.connect();
  } catch (error) {
    die();
    throw error;
  } finally {
    signal.removeEventListener("abort", die);
  }
  return {
    async query(sql, values) {
      try {
        return (await client.query<Row>(sql, values === undefined ? undefined : [...values])).rows;
      } catch (error) {
        if (endsConnection(error)) die();
        throw error;
      }
    },
    isAlive: () => isAlive,
    hold: () => void socket.ref(),
    letGo: () => void socket.unref(),
    destroy: die,
    end: () => client.end(),
  };
}

function passwordOf(settings: Settings): string {
  if (settings.password !== undefined) return settings.password;
  throw failure(
    settings,
    "denied",
    `it asks for the password of "${settings.user}": set ${settings.owner.block}.password`,
  );
}
