import { randomBytes, randomUUID } from "node:crypto";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import {
  askPostgres,
  describeWithServer,
  startBlackHole,
  startProxy,
  startServer,
  type TestServer,
} from "../../test/support/servers.ts";
import type { SqlRunner } from "../sql/runner.ts";
import { systemSchedule } from "../util/schedule.ts";
import { describeConfigStore, saying, service, versionOf, writing } from "./config-store.contract.ts";
import type { ConfigStore } from "./config-store.ts";
import { createConfigStore } from "./index.ts";
import { describeKeptConfigStore, fillingTo, sayingTo } from "./kept-config-store.contract.ts";
import { readConfigStoreSetting } from "./options.ts";
import { openPostgres, postgresRunner } from "./postgres.ts";
import { configTables } from "./sql/tables.ts";

const { signal } = new AbortController();
const services = { prefix: "", schedule: systemSchedule, newToken: randomUUID };
const optionsOf = (text: string, password?: string) =>
  readConfigStoreSetting({ text, source: "--database" }, password);

describeWithServer(
  "postgres",
  "the configuration on a server",
  () => {
    let server: TestServer;
    const opened: ConfigStore[] = [];
    beforeAll(async () => {
      server = await startServer("postgres", {});
    });
    afterAll(() => server.stop());
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((store) => store.close()));
    });

    const open = (text: string, password?: string) => {
      const store = createConfigStore(optionsOf(text, password), services);
      opened.push(store);
      return store;
    };
    const address = (database: string, { port = server.port, user = "postgres", fields = "" } = {}) =>
      `postgres://${user}@${server.host}:${port}/${database}${fields}`;
    const ask = async (sql: string, database: string) =>
      void (await askPostgres({ url: server.url.replace(/\/[^/]*$/, `/${database}`) }, sql));
    /** Of a language that does not sort by code points. */
    const createDatabase = async () => {
      const name = `config_${randomBytes(4).toString("hex")}`;
      await ask(
        `CREATE DATABASE ${name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de' LOCALE 'C'`,
        "postgres",
      );
      return name;
    };

    const prepare = async () => {
      const database = await createDatabase();
      return {
        open: () => open(address(database)),
        openOn: (wrap: (runner: SqlRunner) => SqlRunner) =>
          openPostgres(wrap(postgresRunner(optionsOf(address(database)), services)), services),
        wipe: () => ask(`DROP TABLE IF EXISTS ${Object.values(configTables).join(", ")}`, database),
        ask: (sql: string) => ask(sql, database),
        fill: (versions: number) => ask(fillingTo(versions), database),
        say: (announcements: number) => ask(sayingTo(announcements), database),
      };
    };
    describeConfigStore("postgres", prepare);
    describeKeptConfigStore("postgres", prepare);

    it("waits with a run that comes again for another gateway in the middle of its own change", async () => {
      const database = await createDatabase();
      const theirs = new Client({ connectionString: address(database) });
      await theirs.connect();
      let committed: Promise<unknown> = Promise.resolve();
      const changes = postgresRunner(optionsOf(address(database)), services);
      const changed = openPostgres(
        {
          ...changes,
          async write(statements, during) {
            const rows = await changes.write(statements, during);
            if (!statements.some(({ sql }) => sql.includes("record = excluded.record"))) return rows;
            await theirs.query(
              "BEGIN; SELECT pg_advisory_xact_lock(1936487779, 3); " +
                "INSERT INTO sluice_config_changes VALUES (2, 'theirs', 0, 'them', 'PUT /y', '[]'); " +
                "UPDATE sluice_config_entities SET record = '{}'",
            );
            committed = new Promise((resolve) => setTimeout(resolve, 200)).then(() => theirs.query("COMMIT"));
            return changes.write(statements, during);
          },
        },
        services,
      );
      opened.push(changed);
      expect(await changed.write(writing(0, { put: [service("1")] }), signal)).toBe(1);
      await committed;
      await theirs.end();
      const { version, entities } = await changed.read(signal);
      expect(version).toBe(2);
      expect(entities).toEqual([{ kind: "service", id: "1", record: {} }]);
    });

    it("says where it is when it does not answer, and that without a password", async () => {
      const hole = await startBlackHole();
      const store = open(`postgres://me@127.0.0.1:${hole.port}/x?timeout=200`, "hushhush");
      const error = await versionOf(store).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ kind: "unreachable" });
      expect(String(error)).toContain(
        `postgres at 127.0.0.1:${hole.port}/x: no answer within 200 ms (database.postgres.timeout)`,
      );
      expect(String(error)).not.toContain("hushhush");
      await hole.stop();
    });

    it("says what to create where there is no such database", async () => {
      await expect(versionOf(open(address("none")))).rejects.toMatchObject({
        kind: "unfit",
        message: expect.stringMatching(
          /CREATE DATABASE "none" OWNER "postgres".*database\.postgres\.database/,
        ),
      });
    });

    it("works for a user who may not create tables, once somebody has made them and granted", async () => {
      const database = await createDatabase();
      await versionOf(open(address(database)));
      await ask("CREATE ROLE clerk LOGIN", database);
      const store = open(address(database, { user: "clerk" }));
      const denied: unknown = await versionOf(store).catch((error: unknown) => error);
      expect(denied).toMatchObject({ kind: "denied" });
      await ask(/run: (GRANT [^;]*);/.exec(String(denied))?.[1] ?? "", database);
      expect(await store.write(writing(0, { put: [service("1")] }), signal)).toBe(1);
    });

    it("is away while the server is, and back with it, with all that was told to be written", async () => {
      const store = open(address(await createDatabase()));
      await store.write(writing(0, { put: [service("1")] }), signal);
      await server.kill();
      await expect(store.write(writing(1), signal)).rejects.toMatchObject({
        kind: "unreachable",
        message: expect.stringContaining(`postgres at ${server.host}:${server.port}/`),
      });
      await expect(store.read(signal)).rejects.toMatchObject({ kind: "unreachable" });
      await expect(store.announce(saying("a", "x"), signal)).rejects.toMatchObject({ kind: "unreachable" });
      await server.restart();
      expect(await store.announce(saying("a", "y"), signal)).toBe(1);
      expect(await store.read(signal)).toEqual({ version: 1, entities: [service("1")] });
      expect(await store.write(writing(1), signal)).toBe(2);
    });

    it("writes all of a change or nothing where the line is cut in between", async () => {
      const proxy = await startProxy(server);
      try {
        const database = await createDatabase();
        const store = open(address(database, { port: proxy.port, fields: "?timeout=1000" }));
        await store.write(writing(0, { put: [service("1"), service("2")] }), signal);
        proxy.pause();
        const change = { put: [service("3")], remove: [{ kind: "service", id: "1" }] };
        await expect(store.write(writing(1, change), signal)).rejects.toMatchObject({ kind: "unreachable" });
        proxy.resume();
        proxy.dropConnections();
        const { version, entities } = await store.read(signal);
        const ids = entities.map(({ id }) => id);
        expect(ids).toEqual(version === 1 ? ["1", "2"] : ["2", "3"]);
      } finally {
        await proxy.stop();
      }
    });
  },
  { owned: true },
);
