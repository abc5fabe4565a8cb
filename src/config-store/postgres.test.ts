import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import {
  askPostgres,
  describeWithServer,
  startBlackHole,
  startServer,
  type TestServer,
} from "../../test/support/servers.ts";
import { systemSchedule } from "../util/schedule.ts";
import { describeConfigStore } from "./config-store.contract.ts";
import type { ConfigStore } from "./config-store.ts";
import { readConfigStoreSetting } from "./options.ts";
import { postgres } from "./postgres.ts";
import { configTables } from "./sql/statements.ts";

const { signal } = new AbortController();

describeWithServer("postgres", "the configuration on a server", () => {
  let server: TestServer;
  const opened: ConfigStore[] = [];
  beforeAll(async () => {
    server = await startServer("postgres", {});
  });
  afterAll(() => server.stop());
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
  });

  const open = (text: string) => {
    const options = readConfigStoreSetting({ text, source: "--database" }, undefined);
    const store = postgres.create(options, {
      prefix: "",
      schedule: systemSchedule,
      newToken: randomUUID,
    });
    opened.push(store);
    return store;
  };
  const address = (database: string) => `postgres://postgres@${server.host}:${server.port}/${database}`;
  const ask = (sql: string, database: string) =>
    askPostgres({ url: server.url.replace(/\/[^/]*$/, `/${database}`) }, sql);
  const createDatabase = async () => {
    const name = `config_${randomBytes(4).toString("hex")}`;
    await ask(`CREATE DATABASE ${name}`, "postgres");
    return name;
  };

  describeConfigStore("postgres", async () => {
    const database = await createDatabase();
    return {
      open: () => open(address(database)),
      wipe: async () =>
        void (await ask(`DROP TABLE IF EXISTS ${Object.values(configTables).join(", ")}`, database)),
    };
  });

  it("says where it is when it does not answer, and that without a password", async () => {
    const hole = await startBlackHole();
    const store = open(`postgres://me:hushhush@127.0.0.1:${hole.port}/x?timeout=200`);
    const error = await store.version(signal).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ kind: "unreachable" });
    expect(String(error)).toContain(`postgres at 127.0.0.1:${hole.port}/x`);
    expect(String(error)).not.toContain("hushhush");
    await hole.stop();
  });

  it("leaves tables of a newer version alone", async () => {
    const database = await createDatabase();
    const store = open(address(database));
    await store.version(signal);
    await ask(`INSERT INTO ${configTables.schema} VALUES (99)`, database);
    await expect(open(address(database)).version(signal)).rejects.toMatchObject({ kind: "unfit" });
  });
});
