import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { systemSchedule } from "../util/schedule.ts";
import { describeConfigStore } from "./config-store.contract.ts";
import { readConfigStoreSetting } from "./options.ts";
import { sqlite } from "./sqlite.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-config-"));
  folders.push(folder);
  return folder;
}

const open = (prefix: string, text = "sqlite") =>
  sqlite.create(readConfigStoreSetting({ text, source: "--database" }, undefined), {
    prefix,
    schedule: systemSchedule,
    newToken: randomUUID,
  });

describeConfigStore("sqlite", async () => {
  const prefix = newFolder();
  return {
    open: () => open(prefix),
    wipe: async () => {
      for (const end of ["", "-wal", "-shm"]) rmSync(join(prefix, `config.db${end}`), { force: true });
    },
  };
});

describe("the file of the configuration", () => {
  const { signal } = new AbortController();

  it("is its user's alone, since it holds keys", async () => {
    const prefix = newFolder();
    const store = open(prefix);
    await store.version(signal);
    expect(statSync(join(prefix, "config.db")).mode & 0o777).toBe(0o600);
    await store.close();
  });

  it("can be elsewhere, and what is no database is left alone", async () => {
    const file = join(newFolder(), "mine.db");
    writeFileSync(file, "a text of somebody's, much longer than the header of a database".repeat(100));
    const store = open("/nowhere", `sqlite:${file}`);
    await expect(store.version(signal)).rejects.toMatchObject({ kind: "corrupt" });
    await store.close();
  });
});
