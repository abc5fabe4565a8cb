/** The vector stores with a real server each, as blocks of a config, and how to look inside. */
import type { ConfigObject } from "./gateway-config.ts";
import { askPostgres, askRedis, database, type ServerName, type TestServer } from "./servers.ts";

export interface StoreCase {
  readonly server: ServerName;
  /** The blocks of `vectordb` that say where the server is, and how long each step is waited for; 1 s unless given. */
  readonly vectordb: (server: TestServer, timeoutMs?: number) => ConfigObject;
  /** `owner version` of everything stored. */
  readonly namespaces: (server: TestServer) => Promise<readonly string[]>;
  /** Puts what nobody expects in place of what is stored. */
  readonly spoil: (server: TestServer) => Promise<void>;
}

/** The password that the cases expect the servers to have. */
export const storePassword = "st0re-pass";

const postgres: StoreCase = {
  server: "postgres",
  vectordb: ({ host, port }, timeout = 1_000) => ({
    strategy: "pgvector",
    pgvector: { host, port, database, user: "postgres", password: storePassword, timeout },
  }),
  async namespaces(server) {
    const rows = await askPostgres(server, "SELECT owner, version FROM sluice_vector_namespaces");
    return rows.map(({ owner, version }) => `${owner} ${version}`);
  },
  async spoil(server) {
    await askPostgres(server, "UPDATE sluice_vectors SET embedding = '[1,2,3]'");
  },
};

/** Redis in either way of searching: the same options, the same tampering. */
const redisCase = (server: "redis" | "redis-stack"): StoreCase => ({
  server,
  vectordb: ({ host, port }, timeoutMs = 1_000) => ({
    strategy: "redis",
    redis: {
      host,
      port,
      password: storePassword,
      connect_timeout: timeoutMs,
      send_timeout: timeoutMs,
      read_timeout: timeoutMs,
    },
  }),
  namespaces: async (running) => (await manifests(running)).map((key) => key.split(":").slice(-2).join(" ")),
  async spoil(running) {
    const keys = await manifests(running);
    await askRedis(
      running,
      ...keys.flatMap((key) => [
        ["DEL", key],
        ["SET", key, "not ours"],
      ]),
    );
  },
});

async function manifests(server: TestServer): Promise<readonly string[]> {
  const [keys = []] = (await askRedis(server, ["KEYS", "*:manifest:*"])) as readonly string[][]; // KEYS answers a list of texts
  return keys;
}

export const storeCases = {
  postgres,
  redis: redisCase("redis"),
  "redis-stack": redisCase("redis-stack"),
} as const;
