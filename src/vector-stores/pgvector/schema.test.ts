import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWithServer, startServer, type TestServer } from "../../../test/support/servers.ts";
import { bytesOf, failure, item, signal } from "../contract/bench.contract.ts";
import type { VectorStore } from "../vector-store.ts";
import { usePgvector } from "./bench.contract.ts";
import { grants, preparation } from "./tables.ts";

const namespace = { owner: "o", version: "v" };
const items = [item("1", 1, 0), item("2", 0, 1)];
const query = item("", 1, 0).vector;

describeWithServer(
  "postgres",
  "the schema of pgvector",
  () => {
    let server: TestServer;
    beforeAll(async () => {
      server = await startServer("postgres", {});
    });
    afterAll(() => server.stop());
    const bench = usePgvector(() => server);

    async function expectToWork(store: VectorStore): Promise<void> {
      await store.replace(namespace, items, signal);
      expect(bytesOf(await store.read(namespace, signal))).toEqual(bytesOf(items));
      expect((await store.search(namespace, query, 1, signal))[0]?.id).toBe("1");
      await store.delete(namespace, signal);
      expect(await store.has(namespace, signal)).toBe(false);
    }

    const tablesOf = async (database: string) =>
      (await bench.ask("SELECT relname FROM pg_class WHERE relname LIKE 'sluice%' ORDER BY 1", database)).map(
        (row) => row["relname"],
      );

    describe("where nothing is there yet", () => {
      it("is made once by ten nodes that start at the same time", async () => {
        const database = await bench.createDatabase();
        const stores = Array.from({ length: 10 }, () => bench.open({ database }));
        await Promise.all(
          stores.map((store, n) => store.replace({ owner: "o", version: `v${n}` }, items, signal)),
        );
        expect(await stores[0]?.versions("o", signal)).toHaveLength(10);
        expect(await bench.ask("SELECT format FROM sluice_vector_schema", database)).toEqual([{ format: 1 }]);
      });

      it("is left as it is by everything but a write", async () => {
        const database = await bench.createDatabase();
        const store = bench.open({ database });
        expect(await store.inspect(signal)).toEqual({
          server: `PostgreSQL ${server.version}`,
          engine: "pgvector, not yet created in the database",
        });
        expect(await store.has(namespace, signal)).toBe(false);
        expect(await store.read(namespace, signal)).toBeUndefined();
        expect(await store.versions("o", signal)).toEqual([]);
        expect(await store.search(namespace, query, 1, signal)).toEqual([]);
        await store.delete(namespace, signal);
        expect(await tablesOf(database)).toEqual([]);
        expect(await bench.ask("SELECT FROM pg_extension WHERE extname = 'vector'", database)).toEqual([]);
        await expectToWork(store);
        expect((await store.inspect(signal)).engine).toMatch(/^pgvector \d+\.\d+\.\d+$/);
      });

      it("is found by a store that looked before another one made it", async () => {
        const database = await bench.createDatabase();
        const [reader, writer] = [bench.open({ database }), bench.open({ database })];
        expect(await reader.has(namespace, signal)).toBe(false);
        await writer.replace(namespace, items, signal);
        expect(await reader.has(namespace, signal)).toBe(true);
      });

      it("uses the extension in a schema that is not on the search path", async () => {
        const database = await bench.createDatabase();
        await bench.ask('CREATE SCHEMA "Odd ""one"; CREATE EXTENSION vector SCHEMA "Odd ""one"', database);
        await expectToWork(bench.open({ database }, { scanUpTo: 1 }));
      });
    });

    describe("for a role with few rights", () => {
      it("says which commands an administrator must run, one after the other, and then works", async () => {
        const database = await bench.createDatabase();
        await bench.ask(`CREATE ROLE "few ""rights" LOGIN`);
        const store = bench.open({ database, user: 'few "rights' }, { scanUpTo: 1 });
        const refused = async () => {
          const { message } = await failure("denied", store.replace(namespace, items, signal));
          expect((await failure("denied", store.inspect(signal))).message).toBe(message);
          const [, command] = /run in this database: (.*)$/.exec(message) ?? [];
          expect(message).toContain(`pgvector at 127.0.0.1:${server.port}/${database}`);
          return String(command);
        };

        const extend = await refused();
        expect(extend).toBe("CREATE EXTENSION IF NOT EXISTS vector;");
        await bench.ask(extend, database);
        const grant = await refused();
        expect(grant).toBe('GRANT CREATE ON SCHEMA "public" TO "few ""rights";');
        await bench.ask(grant, database);
        await expectToWork(store);
      });

      it("works on tables that an administrator has made, without indexes of its own", async () => {
        const database = await bench.createDatabase();
        await bench.ask("CREATE ROLE reader LOGIN");
        for (const statement of preparation()) await bench.ask(statement, database);
        const store = bench.open({ database, user: "reader" }, { scanUpTo: 1 });
        for (const call of [
          () => store.has(namespace, signal),
          () => store.replace(namespace, items, signal),
        ]) {
          const { message } = await failure("denied", call());
          expect(message).toContain(grants("reader"));
        }
        await bench.ask(grants("reader"), database);
        await expectToWork(store);
        expect(await tablesOf(database)).not.toContainEqual(expect.stringContaining("hnsw"));
      });

      it("names what the server cannot do without, when it has no pgvector", async () => {
        const database = await bench.createDatabase();
        // Stands before the catalog for this role alone, and knows of no extension.
        await bench.ask(
          `CREATE ROLE bare SUPERUSER LOGIN; ALTER ROLE bare SET search_path = nothing, pg_catalog, public;
           CREATE SCHEMA nothing; CREATE VIEW nothing.pg_available_extensions AS SELECT ''::name AS name`,
          database,
        );
        const store = bench.open({ database, user: "bare" });
        for (const call of [
          () => store.inspect(signal),
          () => store.read(namespace, signal),
          () => store.replace(namespace, items, signal),
        ]) {
          const { message } = await failure("unfit", call());
          expect(message).toContain(`PostgreSQL ${server.version} there has no pgvector`);
          expect(message).toContain("postgresql-17-pgvector");
        }
      });

      it("tells a role without a schema where it would need one", async () => {
        const database = await bench.createDatabase();
        await bench.ask("CREATE EXTENSION vector", database);
        await bench.ask("CREATE ROLE nowhere LOGIN; ALTER ROLE nowhere SET search_path = missing");
        const store = bench.open({ database, user: "nowhere" });
        const { message } = await failure("denied", store.replace(namespace, items, signal));
        expect(message).toContain("in any schema of its search_path");
      });

      it("says that a server that is read-only is", async () => {
        const database = await bench.createDatabase();
        const store = bench.open({ database });
        await store.replace(namespace, items, signal);
        await bench.ask("CREATE ROLE standby SUPERUSER LOGIN");
        await bench.ask("ALTER ROLE standby SET default_transaction_read_only = on");
        const standby = bench.open({ database, user: "standby" });
        expect(bytesOf(await standby.read(namespace, signal))).toEqual(bytesOf(items));
        const { message } = await failure("denied", standby.replace(namespace, items, signal));
        expect(message).toContain("25006");
        expect(message).toContain("primary");
      });
    });

    describe("where it does not fit", () => {
      it("refuses tables of a newer format, and leaves them alone", async () => {
        const database = await bench.createDatabase();
        await bench.open({ database }).replace(namespace, items, signal);
        await bench.ask("INSERT INTO sluice_vector_schema (format) VALUES (2)", database);
        const store = bench.open({ database });
        for (const call of [
          () => store.inspect(signal),
          () => store.has(namespace, signal),
          () => store.replace(namespace, [], signal),
          () => store.delete(namespace, signal),
        ])
          expect((await failure("unfit", call())).message).toContain("format 2, made by a newer Sluice");
        expect(await bench.ask("SELECT count(*)::int FROM sluice_vectors", database)).toEqual([{ count: 2 }]);
      });

      it("refuses a database whose encoding cannot hold all text", async () => {
        const database = await bench.createDatabase("ENCODING 'LATIN1' TEMPLATE template0");
        const { message } = await failure("unfit", bench.open({ database }).inspect(signal));
        expect(message).toContain("LATIN1");
        expect(message).toContain(`CREATE DATABASE "${database}" ENCODING 'UTF8' TEMPLATE template0;`);
      });

      it("says how to make a database that is not there", async () => {
        const store = bench.open({ database: 'not "there', user: "postgres" });
        const { message } = await failure("unfit", store.has(namespace, signal));
        expect(message).toContain('CREATE DATABASE "not ""there" OWNER "postgres";');
      });
    });
  },
  { owned: true },
);
