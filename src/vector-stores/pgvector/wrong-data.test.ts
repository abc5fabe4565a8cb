import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { describeWithServer, startServer, type TestServer } from "../../../test/support/servers.ts";
import { bytesOf, failure, item, signal } from "../contract/bench.contract.ts";
import type { VectorStore } from "../vector-store.ts";
import { usePgvector } from "./bench.contract.ts";

const namespace = { owner: "o", version: "v" };
const items = [item("1", 1, 0), item("2", 0, 1), item("3", 1, 1)];
const query = item("", 1, 0).vector;

describeWithServer(
  "postgres",
  "pgvector whose tables somebody has changed",
  () => {
    let server: TestServer;
    let database: string;
    let store: VectorStore;
    beforeAll(async () => {
      server = await startServer("postgres", {});
    });
    afterAll(() => server.stop());
    const bench = usePgvector(() => server);
    beforeEach(async () => {
      database = await bench.createDatabase();
      store = bench.open({ database });
      await store.replace(namespace, items, signal);
    });

    const search = () => store.search(namespace, query, 1, signal);
    async function expectMended(): Promise<void> {
      await store.replace(namespace, items, signal);
      expect(bytesOf(await store.read(namespace, signal))).toEqual(bytesOf(items));
      expect(await search()).toEqual([{ id: "1", similarity: 1 }]);
    }

    it.each([
      ["a row of the middle is gone", "DELETE FROM sluice_vectors WHERE position = 1", "holds 2 of 3 items"],
      ["all rows are gone", "TRUNCATE sluice_vectors", "holds 0 of 3 items"],
      [
        "a row is one too many",
        "INSERT INTO sluice_vectors VALUES ('o', 'v', 3, 'x', '[1,0]')",
        "holds 4 of 3 items",
      ],
    ])("fails as corrupt where %s, until it is replaced", async (_, change, words) => {
      await bench.ask(change, database);
      for (const call of [() => store.read(namespace, signal), search])
        expect((await failure("corrupt", call())).message).toContain(words);
      expect(await store.has(namespace, signal)).toBe(true);
      await expectMended();
    });

    it("fails as corrupt where a position was moved", async () => {
      await bench.ask("UPDATE sluice_vectors SET position = 7 WHERE position = 1", database);
      expect((await failure("corrupt", store.read(namespace, signal))).message).toContain("has no item 1");
      await expectMended();
    });

    it("fails as corrupt where a vector has another length", async () => {
      await bench.ask("UPDATE sluice_vectors SET embedding = '[1,2,3]' WHERE position = 1", database);
      const { message } = await failure("corrupt", store.read(namespace, signal));
      expect(message).toContain("a vector of 3 numbers among vectors of 2");
      await failure("corrupt", search());
      await expectMended();
    });

    it("fails as corrupt where a column was dropped, and says what would help", async () => {
      await bench.ask("ALTER TABLE sluice_vectors DROP COLUMN id", database);
      for (const call of [
        () => store.read(namespace, signal),
        search,
        () => store.replace(namespace, items, signal),
      ]) {
        const { message } = await failure("corrupt", call());
        expect(message).toContain("dropping the tables sluice_vector_schema");
      }
      await bench.ask("DROP TABLE sluice_vector_schema, sluice_vector_namespaces, sluice_vectors", database);
      await expectMended();
    });

    it("fails as corrupt where a column holds something else", async () => {
      await bench.ask("ALTER TABLE sluice_vectors ALTER COLUMN id TYPE integer USING 5", database);
      const { message } = await failure("corrupt", store.read(namespace, signal));
      expect(message).toContain('the column "id" holds number where text was expected');
    });

    it("fails as corrupt where one table was dropped, also for a store that has just started", async () => {
      await bench.ask("DROP TABLE sluice_vectors", database);
      for (const each of [store, bench.open({ database })]) {
        const { message } = await failure("corrupt", each.read(namespace, signal));
        expect(message).toContain("the table sluice_vectors was dropped");
      }
      await expectMended();
    });

    it("fails as corrupt where the extension was dropped", async () => {
      await bench.ask("DROP EXTENSION vector CASCADE", database);
      await failure("corrupt", store.read(namespace, signal));
      await failure("corrupt", search());
    });

    it("holds nothing where all tables were dropped, and makes them again", async () => {
      await bench.ask("DROP TABLE sluice_vector_schema, sluice_vector_namespaces, sluice_vectors", database);
      expect(await store.has(namespace, signal)).toBe(false);
      expect(await store.read(namespace, signal)).toBeUndefined();
      expect(await store.versions("o", signal)).toEqual([]);
      expect(await search()).toEqual([]);
      await store.delete(namespace, signal);
      await expectMended();
    });

    it("is not disturbed by rows that belong to no namespace", async () => {
      await store.delete(namespace, signal);
      await bench.ask("INSERT INTO sluice_vectors VALUES ('o', 'v', 0, 'x', '[1,0]')", database);
      expect(await store.has(namespace, signal)).toBe(false);
      expect(await search()).toEqual([]);
      await expectMended();
    });
  },
  { owned: true },
);
