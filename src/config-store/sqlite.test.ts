import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { systemSchedule } from "../util/schedule.ts";
import { describeConfigStore, service, versionOf, writing } from "./config-store.contract.ts";
import type { ConfigStore } from "./config-store.ts";
import { createConfigStore } from "./index.ts";
import { describeKeptConfigStore, fillingTo, sayingTo } from "./kept-config-store.contract.ts";
import { readConfigStoreSetting } from "./options.ts";
import { openSqlite, sqliteRunner } from "./sqlite.ts";

const { signal } = new AbortController();
const folders: string[] = [];
const opened: ConfigStore[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-config-"));
  folders.push(folder);
  return folder;
}

const optionsOf = (text = "sqlite") => readConfigStoreSetting({ text, source: "--database" }, undefined);
const servicesIn = (prefix: string) => ({ prefix, schedule: systemSchedule, newToken: randomUUID });

function open(prefix: string, text?: string): ConfigStore {
  const store = createConfigStore(optionsOf(text), servicesIn(prefix));
  opened.push(store);
  return store;
}

/** A connection of the test's own, as another process has it. */
function driver(file: string): { exec(sql: string): void; close(): void } {
  const Driver = createRequire(import.meta.url)("libsql");
  return new Driver(file, { timeout: 2000 });
}

const prepare = async () => {
  const prefix = newFolder();
  const file = join(prefix, "config.db");
  const ask = async (sql: string) => {
    const database = driver(file);
    database.exec(sql);
    database.close();
  };
  return {
    open: () => open(prefix),
    openOn: (wrap: (runner: ReturnType<typeof sqliteRunner>) => ReturnType<typeof sqliteRunner>) =>
      openSqlite(wrap(sqliteRunner(optionsOf(), servicesIn(prefix))), servicesIn(prefix)),
    wipe: async () => {
      for (const end of ["", "-wal", "-shm"]) rmSync(file + end, { force: true });
    },
    ask,
    fill: (versions: number) => ask(fillingTo(versions)),
    say: (announcements: number) => ask(sayingTo(announcements)),
  };
};

describeConfigStore("sqlite", prepare);
describeKeptConfigStore("sqlite", prepare);

describe("the file of the configuration", () => {
  it("is made in a folder that is made, and its user's alone, since it holds keys", async () => {
    const prefix = join(newFolder(), "not", "there");
    await open(prefix).write(writing(0, { put: [service("1")] }), signal);
    const modeOf = (path: string) => statSync(path).mode & 0o777;
    expect(modeOf(prefix)).toBe(0o700);
    for (const end of ["", "-wal", "-shm"]) expect(modeOf(join(prefix, `config.db${end}`))).toBe(0o600);
  });

  it("shows what another process has written", async () => {
    const prefix = newFolder();
    const store = open(prefix);
    await store.write(writing(0, { put: [service("1")] }), signal);
    const other = driver(join(prefix, "config.db"));
    other.exec("insert into sluice_config_changes values (2, 'theirs', 0, 'them', 'PUT /y', '[]')");
    other.exec("delete from sluice_config_entities");
    other.close();
    expect(await store.read(signal)).toEqual({ version: 2, entities: [] });
    expect(await store.write(writing(1), signal)).toBe("conflict");
  });

  it("that another process keeps locked is away, with its place, and then back", async () => {
    const prefix = newFolder();
    const store = createConfigStore({ ...optionsOf(), sqlite: { timeout: 400 } }, servicesIn(prefix));
    opened.push(store);
    await versionOf(open(prefix));
    const other = driver(join(prefix, "config.db"));
    other.exec("begin immediate");
    await expect(store.write(writing(0), signal)).rejects.toMatchObject({
      kind: "unreachable",
      message: expect.stringMatching(
        /^sqlite at .*config\.db: .*(?:another process|no answer within 400 ms \(database\.sqlite\.timeout\))/,
      ),
    });
    other.exec("commit");
    other.close();
    // Nobody knows whether the write that timed out takes place after all.
    const version = await versionOf(open(prefix));
    expect(await open(prefix).write(writing(version), signal)).not.toBeUndefined();
  });

  it("can be elsewhere, and what is no database is left alone", async () => {
    const file = join(newFolder(), "mine.db");
    const text = "a text of somebody's, much longer than the header of a database".repeat(100);
    writeFileSync(file, text);
    await expect(versionOf(open("/nowhere", `sqlite:${file}`))).rejects.toMatchObject({
      kind: "corrupt",
      message: expect.stringContaining("move it away"),
    });
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  it("is named where it cannot be made, with the setting", async () => {
    const prefix = newFolder();
    writeFileSync(join(prefix, "file"), "");
    await expect(versionOf(open(join(prefix, "file")))).rejects.toMatchObject({
      kind: "denied",
      message: expect.stringMatching(/^sqlite at .*file\/config\.db: .*set database\.sqlite\.path/),
    });
  });
});
