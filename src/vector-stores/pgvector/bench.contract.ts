/** What the tests of this store share: stores that are closed after their test, databases, and what the server knows. */
import { afterEach } from "vitest";
import { askPostgres, type TestServer } from "../../../test/support/servers.ts";
import { toSettings } from "../../postgres/settings.ts";
import { systemSchedule } from "../../util/schedule.ts";
import { pgvectorOptions } from "../pgvector-options.ts";
import type { VectorStore } from "../vector-store.ts";
import { exactUpTo } from "./nearest.ts";
import { pgvectorOwner } from "./owner.ts";
import { createPgvectorStore, type Tuning } from "./store.ts";

export type StoreOptions = Partial<Parameters<typeof pgvectorOptions.parse>[0] & object>;

export interface PgvectorBench {
  open(options?: StoreOptions, tuning?: Partial<Tuning>): VectorStore;
  /** As the superuser. */
  ask(sql: string, database?: string): Promise<readonly Record<string, unknown>[]>;
  /** An empty database of a new name. */
  createDatabase(clauses?: string): Promise<string>;
  /** How many connections of ours the server has that are in this state (SQL). */
  countConnections(condition?: string): Promise<number>;
}

/** To be called inside `describe`; the server is asked for when a test runs. */
export function usePgvector(server: () => TestServer): PgvectorBench {
  const opened: VectorStore[] = [];
  let databases = 0;

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
  });

  const ask = (sql: string, database?: string) => {
    const { url } = server();
    return askPostgres({ url: database === undefined ? url : url.replace(/\/[^/]*$/, `/${database}`) }, sql);
  };
  return {
    ask,
    open(options = {}, tuning = {}) {
      const settings = toSettings(
        pgvectorOptions.parse({ ...addressOf(server()), ...options }),
        pgvectorOwner,
      );
      const store = createPgvectorStore(
        settings,
        { schedule: systemSchedule },
        { scanUpTo: exactUpTo, idleMs: 30_000, ...tuning },
      );
      opened.push(store);
      return store;
    },
    async createDatabase(clauses = "") {
      const name = `test${++databases}`;
      await ask(`CREATE DATABASE ${name} ${clauses}`);
      return name;
    },
    async countConnections(condition = "true") {
      const [row] = await ask(
        `SELECT count(*)::integer AS count FROM pg_stat_activity WHERE application_name = 'sluice' AND ${condition}`,
      );
      return Number(row?.["count"]);
    },
  };
}

/** Our own server's user and database are the defaults, and a test says itself what it signs in with. */
function addressOf({ host, port, url, isOwned }: TestServer): StoreOptions {
  if (isOwned) return { host, port };
  const { username, password, pathname } = new URL(url);
  const plain = decodeURIComponent;
  return { host, port, user: plain(username), password: plain(password), database: plain(pathname.slice(1)) };
}
