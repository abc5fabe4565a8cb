import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import {
  askPostgres,
  describeWithServer,
  startBlackHole,
  startProxy,
  startServer,
  type TestServer,
} from "../../test/support/servers.ts";
import { createPostgresRunner } from "../postgres/runner.ts";
import { toSettings } from "../postgres/settings.ts";
import { systemSchedule } from "../util/schedule.ts";
import { firstFormat } from "./contract/format-1.contract.ts";
import { sampleEntry } from "./contract/samples.contract.ts";
import { toLine } from "./entry-line.ts";
import { describeLedgerStore } from "./ledger-store.contract.ts";
import type { LedgerStore } from "./ledger-store.ts";
import { ledgerOptions } from "./options.ts";
import { createPostgresDialect } from "./postgres/dialect.ts";
import { ledgerOwner } from "./postgres/owner.ts";
import { postgres } from "./postgres.ts";
import { createQueries } from "./sql/queries.ts";
import { ledgerTables } from "./sql/tables.ts";

const { signal } = new AbortController();

describeWithServer(
  "postgres",
  "the ledger on a server",
  () => {
    let server: TestServer;
    const opened: LedgerStore[] = [];
    beforeAll(async () => {
      server = await startServer("postgres", {});
    });
    afterAll(() => server.stop());
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((store) => store.close()));
    });

    const open = (block: object) => {
      const { host, port } = server;
      const options = ledgerOptions.parse({ strategy: "postgres", postgres: { host, port, ...block } });
      const store = postgres.create(options, { schedule: systemSchedule, prefix: "" });
      opened.push(store);
      return store;
    };
    const ask = (sql: string, database: string) =>
      askPostgres({ url: server.url.replace(/\/[^/]*$/, `/${database}`) }, sql);
    const createDatabase = async () => {
      const name = `ledger_${randomBytes(4).toString("hex")}`;
      await ask(`CREATE DATABASE ${name}`, "postgres");
      return name;
    };
    const append = (store: LedgerStore, number = 1) => store.append([toLine(sampleEntry(number))], signal);
    const count = async (store: LedgerStore) => (await store.facts(signal)).entries;

    it("is not changed by a process that has seen an older format than there is by now", async () => {
      const database = await createDatabase();
      for (const statement of firstFormat([])) await ask(statement, database);
      await append(open({ database }));
      const { host, port } = server;
      const { postgres: block } = ledgerOptions.parse({
        strategy: "postgres",
        postgres: { host, port, database },
      });
      if (block === undefined) throw new Error("the block was given");
      const runner = createPostgresRunner(toSettings(block, ledgerOwner), {
        schedule: systemSchedule,
        item: "an entry",
      });
      const { migration } = createQueries(createPostgresDialect());
      for (const from of [0, 1, 2]) await expect(runner.write(migration(from), signal)).rejects.toThrow();
      await runner.close();
      expect(await ask("SELECT format FROM sluice_ledger_schema", database)).toHaveLength(3);
      await expect(ask("SELECT 1 FROM sluice_ledger_exchanges_1", database)).rejects.toThrow();
    });

    describeLedgerStore("postgres", async () => {
      const database = await createDatabase();
      return {
        open: () => open({ database }),
        wipe: async () =>
          void (await ask(`DROP TABLE IF EXISTS ${ledgerTables.join(", ")} CASCADE`, database)),
        run: (sql) => ask(sql, database),
      };
    });

    it("says what to create where there is no such database", async () => {
      await expect(append(open({ database: "none", password: "geheim" }))).rejects.toMatchObject({
        kind: "unfit",
        message: expect.stringMatching(
          /^postgres at 127.0.0.1:\d+\/none: .*CREATE DATABASE "none" OWNER "postgres".*ledger\.postgres\.database/,
        ),
      });
    });

    it("works for a user who may not create tables, once somebody has made them and granted", async () => {
      const database = await createDatabase();
      await append(open({ database }));
      await ask("CREATE ROLE clerk LOGIN", database);
      const store = open({ database, user: "clerk" });
      const denied: unknown = await append(store).catch((error: unknown) => error);
      expect(denied).toMatchObject({ kind: "denied" });
      const grants = /run: (GRANT [^;]*);/.exec(String(denied))?.[1];
      await ask(grants ?? "", database);
      await append(store, 2);
      expect(await count(store)).toBe(2);
    });

    it("is away while the server is, and back with it, nothing lost or doubled", async () => {
      const database = await createDatabase();
      const store = open({ database });
      await append(store);
      await server.kill();
      await expect(append(store, 2)).rejects.toMatchObject({ kind: "unreachable" });
      await server.restart();
      await append(store, 2);
      await append(store, 2);
      expect(await count(store)).toBe(2);
    });

    it("keeps to its timeout while the server is frozen", async () => {
      const database = await createDatabase();
      const store = open({ database, timeout: 300 });
      await append(store);
      server.freeze();
      try {
        await expect(append(store, 2)).rejects.toMatchObject({
          kind: "unreachable",
          message: expect.stringContaining("no answer within 300 ms (ledger.postgres.timeout)"),
        });
      } finally {
        server.thaw();
      }
      await append(store, 3);
    });

    it("keeps to its timeout where nothing is said, and goes on where the line was cut", async () => {
      const hole = await startBlackHole();
      const proxy = await startProxy(server);
      try {
        await expect(append(open({ port: hole.port, timeout: 200 }))).rejects.toMatchObject({
          kind: "unreachable",
        });
        const database = await createDatabase();
        const store = open({ database, port: proxy.port, timeout: 400 });
        await append(store);
        proxy.pause();
        await expect(append(store, 2)).rejects.toMatchObject({ kind: "unreachable" });
        proxy.resume();
        proxy.dropConnections();
        await append(store, 2);
        expect(await count(store)).toBe(2);
      } finally {
        await Promise.all([hole.stop(), proxy.stop()]);
      }
    });
  },
  { owned: true },
);
