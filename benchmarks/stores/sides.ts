/** The stores that are compared: memory, and a real server for each way of searching outside the process. */

import { systemSchedule } from "../../src/util/schedule.ts";
import { findVectorStore } from "../../src/vector-stores/index.ts";
import { type VectordbOptions, vectordbOptions } from "../../src/vector-stores/options.ts";
import type { VectorStore } from "../../src/vector-stores/vector-store.ts";
import { type ServerName, startServer } from "../../test/support/servers.ts";

export interface StoreSide {
  readonly name: string;
  /** What the server says it is. */
  readonly server: string;
  /** Vectors live outside the process, and can be read back by the next one. */
  readonly isRemote: boolean;
  /** A store with connections of its own. */
  open(): VectorStore;
  /** Ends the server. */
  stop(): Promise<void>;
}

export interface StartedSides {
  readonly sides: readonly StoreSide[];
  /** One sentence for each that could not be had. */
  readonly missing: readonly string[];
}

export const memoryName = "memory";

const { signal } = new AbortController();

interface Kind {
  readonly name: string;
  readonly server: ServerName;
  readonly strategy: "redis" | "pgvector";
}

const kinds: readonly Kind[] = [
  { name: "redis: Redis Stack (FT)", server: "redis-stack", strategy: "redis" },
  { name: "redis: Redis 8 (vector sets)", server: "redis", strategy: "redis" },
  { name: "pgvector", server: "postgres", strategy: "pgvector" },
];

/** Memory first. Servers that cannot be started are left out, and named. */
export async function startSides(): Promise<StartedSides> {
  const sides = [await sideOf(memoryName, { strategy: "memory" }, () => Promise.resolve())];
  const missing: string[] = [];
  for (const kind of kinds) {
    try {
      sides.push(await startSide(kind));
    } catch (error) {
      missing.push(`${kind.name} is left out: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { sides, missing };
}

export async function stopSides(sides: readonly StoreSide[]): Promise<void> {
  await Promise.all(sides.map((side) => side.stop()));
}

async function startSide({ name, server, strategy }: Kind): Promise<StoreSide> {
  const started = await startServer(server);
  try {
    return await sideOf(name, { strategy, ...connectionTo(started.url) }, () => started.stop());
  } catch (error) {
    await started.stop();
    throw error;
  }
}

async function sideOf(
  name: string,
  where: Readonly<Record<string, unknown>>,
  stop: () => Promise<void>,
): Promise<StoreSide> {
  const config: VectordbOptions = vectordbOptions.parse({
    dimensions: 1024,
    distance_metric: "cosine",
    threshold: 0.7,
    ...where,
  });
  const definition = findVectorStore(config.strategy);
  if (definition === undefined) throw new Error(`there is no vector store ${config.strategy}`);
  const open = () => definition.create(config, { schedule: systemSchedule });
  const store = open();
  try {
    // Some of it is made by the first write, and is not there to be told of before.
    const namespace = { owner: "benchmark-sides", version: "1" };
    await store.replace(namespace, [{ id: "1", vector: Float32Array.of(1) }], signal);
    const { server, engine } = await store.inspect(signal);
    await store.delete(namespace, signal);
    return { name, server: `${server}, ${engine}`, isRemote: definition.isRemote, open, stop };
  } finally {
    await store.close();
  }
}

/** The blocks of `vectordb` for a server's URL: `redis://` or `postgres://`, with account and database where it has them. */
export function connectionTo(url: string): Readonly<Record<string, unknown>> {
  const { protocol, hostname: host, port, username, password, pathname } = new URL(url);
  const database = decodeURIComponent(pathname.slice(1));
  const account = { name: decodeURIComponent(username), password: decodeURIComponent(password) };
  const secret = account.password === "" ? {} : { password: account.password };
  if (protocol === "postgres:" || protocol === "postgresql:") {
    const user = account.name === "" ? {} : { user: account.name };
    const named = database === "" ? {} : { database };
    return { pgvector: { host, port: Number(port || 5432), ...user, ...secret, ...named } };
  }
  const user = account.name === "" ? {} : { username: account.name };
  const numbered = database === "" ? {} : { database: Number(database) };
  const ssl = protocol === "rediss:" ? { ssl: true } : {};
  return { redis: { host, port: Number(port || 6379), ...user, ...secret, ...numbered, ...ssl } };
}
