import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createSqliteRunner } from "../sqlite/runner.ts";
import { systemSchedule } from "../util/schedule.ts";
import { sampleEntry } from "./contract/samples.contract.ts";
import { toLine } from "./entry-line.ts";
import { describeLedgerStore } from "./ledger-store.contract.ts";
import type { LedgerStore } from "./ledger-store.ts";
import { ledgerOptions } from "./options.ts";
import { createSqlStore } from "./sql/store.ts";
import { ledgerFileOwner } from "./sqlite/owner.ts";
import { loadSqliteQueries, sqlite } from "./sqlite.ts";

const { signal } = new AbortController();
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-ledger-"));
  folders.push(folder);
  return folder;
}

function openIn(prefix: string, timeout = 5000): LedgerStore {
  return sqlite.create(ledgerOptions.parse({ sqlite: { timeout } }), { schedule: systemSchedule, prefix });
}

/** A connection of the test's own, in its own thread. */
function driver(file: string): {
  exec(sql: string): void;
  prepare(sql: string): { all(): readonly unknown[] };
  close(): void;
} {
  const Driver = createRequire(import.meta.url)("libsql");
  return new Driver(file, { timeout: 2000 });
}

describeLedgerStore("sqlite", async () => {
  const prefix = newFolder();
  const file = join(prefix, "ledger.db");
  return {
    open: () => openIn(prefix),
    wipe: async () => {
      for (const end of ["", "-wal", "-shm"]) rmSync(file + end, { force: true });
    },
    run: async (sql) => {
      const database = driver(file);
      try {
        return database.prepare(sql).all();
      } finally {
        database.close();
      }
    },
  };
});

describe("the ledger's file", () => {
  const append = (store: LedgerStore, number = 1) => store.append([toLine(sampleEntry(number))], signal);
  const opened: LedgerStore[] = [];
  const open = (prefix: string, timeout?: number) => {
    const store = openIn(prefix, timeout);
    opened.push(store);
    return store;
  };
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
  });

  it("is made in a folder that is made, and nobody else may read either", async () => {
    const prefix = join(newFolder(), "not", "there");
    await append(open(prefix));
    const modeOf = (path: string) => statSync(path).mode & 0o777;
    expect(modeOf(prefix)).toBe(0o700);
    for (const end of ["", "-wal", "-shm"]) expect(modeOf(join(prefix, `ledger.db${end}`))).toBe(0o600);
  });

  it("is named in what goes wrong, with what to do", async () => {
    const prefix = newFolder();
    writeFileSync(join(prefix, "file"), "");
    await expect(append(open(join(prefix, "file")))).rejects.toMatchObject({
      kind: "denied",
      message: expect.stringMatching(/^sqlite at .*file\/ledger\.db: .*set ledger\.sqlite\.path/),
    });
  });

  it("is refused when it is something else, and begun anew when that was moved away", async () => {
    const prefix = newFolder();
    const file = join(prefix, "ledger.db");
    writeFileSync(file, "a diary, not a database. ".repeat(500));
    const store = open(prefix);
    await expect(append(store)).rejects.toMatchObject({
      kind: "corrupt",
      message: expect.stringContaining("move it away, and a new one is begun"),
    });
    expect(readFileSync(file, "utf8")).toContain("a diary");
    rmSync(file);
    await append(store);
    expect((await store.facts(signal)).entries).toBe(1);
  });

  it("is found damaged when it is", async () => {
    const prefix = newFolder();
    const file = join(prefix, "ledger.db");
    const first = open(prefix);
    await first.append(
      Array.from({ length: 500 }, (_, number) => toLine(sampleEntry(number))),
      signal,
    );
    await first.close();
    const bytes = readFileSync(file);
    bytes.fill(7, 4096, bytes.length - 4096);
    writeFileSync(file, bytes);
    await expect(open(prefix).sums({ by: ["target"] }, signal)).rejects.toMatchObject({ kind: "corrupt" });
  });

  it("says that the disk is full, keeps what it had, and goes on when there is room", async () => {
    const settings = { owner: ledgerFileOwner, file: join(newFolder(), "ledger.db"), timeoutMs: 5000 };
    const full = createSqlStore(
      createSqliteRunner(settings, systemSchedule, { maxPages: 30 }),
      loadSqliteQueries,
    );
    opened.push(full);
    let kept = 0;
    const filling = async () => {
      for (; ; kept++) await append(full, kept);
    };
    await expect(filling()).rejects.toMatchObject({
      kind: "denied",
      message: expect.stringContaining("make room on the disk"),
    });
    expect(kept).toBeGreaterThan(5);
    const roomy = createSqlStore(createSqliteRunner(settings, systemSchedule), loadSqliteQueries);
    opened.push(roomy);
    expect((await roomy.facts(signal)).entries).toBe(kept);
    await append(roomy, kept);
    expect((await roomy.facts(signal)).entries).toBe(kept + 1);
  });

  it("that another process keeps locked is away, in time, and then back", async () => {
    const prefix = newFolder();
    const store = open(prefix, 300);
    await append(store);
    const other = driver(join(prefix, "ledger.db"));
    other.exec("BEGIN IMMEDIATE");
    const startedAt = performance.now();
    await expect(append(store, 2)).rejects.toMatchObject({
      kind: "unreachable",
      message: expect.stringMatching(/another process has been writing|no answer within 300 ms/),
    });
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    // Who only reads does not wait for who writes.
    expect(await store.sums({ by: [] }, signal)).toHaveLength(1);
    other.exec("COMMIT");
    other.close();
    await append(store, 3);
  });

  // Nothing is denied to root.
  if (process.getuid?.() !== 0)
    it("that may not be written is refused", async () => {
      const prefix = newFolder();
      const first = open(prefix);
      await append(first);
      await first.close();
      chmodSync(join(prefix, "ledger.db"), 0o400);
      await expect(append(open(prefix))).rejects.toMatchObject({ kind: "denied" });
    });
});
