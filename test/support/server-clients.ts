/** The least of a client for each server, for tests that look at the server itself. */
import { readFileSync } from "node:fs";
import { createClient } from "@redis/client";
import { Client } from "pg";
import { certificates } from "../servers/commands.mjs";

const defaultTimeoutMs = 5000;

/** Where a server answers, and as whom. */
export interface ServerAccess {
  /** `redis://`, `rediss://` or `postgres://`, with account and password. */
  readonly url: string;
  /** PostgreSQL: shows the test client's certificate. */
  readonly clientCertificates?: boolean | undefined;
  /** PostgreSQL: speaks TLS. */
  readonly tls?: boolean | "optional" | undefined;
  /** For all of the call; 5,000 by default. */
  readonly timeoutMs?: number | undefined;
}

/** Runs Redis commands on one connection, one after the other; the answers in their order. Trusts the test authority. */
export async function askRedis(
  access: string | ServerAccess,
  ...commands: readonly string[][]
): Promise<readonly unknown[]> {
  const { url, timeoutMs = defaultTimeoutMs }: ServerAccess =
    typeof access === "string" ? { url: access } : access;
  const client = createClient({
    url,
    socket: {
      connectTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      reconnectStrategy: false,
      ...(url.startsWith("rediss:") ? { tls: true, ca: readFileSync(certificates.ca) } : {}),
    },
  });
  client.on("error", () => undefined); // the call that failed says it too
  try {
    return await within(
      (async () => {
        await client.connect();
        const answers: unknown[] = [];
        for (const command of commands) answers.push(await client.sendCommand(command));
        return answers;
      })(),
      timeoutMs,
    );
  } finally {
    if (client.isOpen) client.destroy();
  }
}

/** Runs one SQL statement and returns its rows. Trusts the test authority. */
export async function askPostgres(
  access: ServerAccess,
  sql: string,
): Promise<readonly Record<string, unknown>[]> {
  const timeoutMs = access.timeoutMs ?? defaultTimeoutMs;
  const client = new Client({
    connectionString: access.url,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    ...(access.tls || access.clientCertificates ? { ssl: postgresTls(access) } : {}),
  });
  client.on("error", () => undefined); // the call that failed says it too
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    // Not awaited: a server that is frozen or gone says no goodbye.
    client.end().catch(() => undefined);
  }
}

function postgresTls({ clientCertificates }: ServerAccess) {
  return {
    ca: readFileSync(certificates.ca),
    ...(clientCertificates
      ? { cert: readFileSync(certificates.clientCertificate), key: readFileSync(certificates.clientKey) }
      : {}),
  };
}

async function within<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Tries until it holds; says what it waited for when it does not in time. Errors of a try count as "not yet". */
export async function eventually(
  holds: () => Promise<boolean>,
  what: string,
  waitMs = 15_000,
): Promise<void> {
  const deadline = performance.now() + waitMs;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      if (await holds()) return;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`waited ${waitMs} ms in vain for ${what}`, { cause: last });
}
