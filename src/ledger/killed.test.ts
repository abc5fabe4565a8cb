/** A process that records, confirms what is safe, and is killed at any moment: what it confirmed must be there. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRecordingLogger } from "../../test/support/recording-logger.ts";
import { buildCommand, type Command } from "../../test/support/sluice-process.ts";
import { systemSchedule } from "../util/schedule.ts";
import { sampleEntry } from "./contract/samples.contract.ts";
import { createLedger } from "./ledger.ts";
import { ledgerOptions } from "./options.ts";
import { createSpool } from "./spool.ts";
import { sqlite } from "./sqlite.ts";

/** Six of each of the six ways below. */
const kills = 36;
/** Processes at a time; all write the same file. */
const together = 4;
/** A run is killed at a moment of chance within so long after it began to record. */
const longestRunMs = 120;

const options = ledgerOptions.parse({});

/**
 * Records entries `RUN-NUMBER` without a pause, and writes `NUMBER` as soon as the store, or the disk, has it and all
 * before it. Every third run has a store that is away, every other of those comes back after a while.
 */
const recorder = `
const [home, prefix, run, optionText, entryText] = process.argv.slice(1);
const load = (path) => import(home + "/dist/" + path);
const { writeSync } = await import("node:fs");
const { createLedger } = await load("ledger/ledger.js");
const { createSpool } = await load("ledger/spool.js");
const { sqlite } = await load("ledger/sqlite.js");
const { systemSchedule } = await load("util/schedule.js");
const { StoreError } = await load("util/store-error.js");
const log = { debug() {}, info() {}, warn() {}, error() {} };
const store = sqlite.create(JSON.parse(optionText), { schedule: systemSchedule, prefix });
const spool = createSpool({ folder: prefix + "/spool", maxBytes: 1e9, wallClock: Date.now, owner: "run" + run });
const isMine = (line) => line.id.startsWith(run + "-");
const confirm = (lines) => {
  const mine = lines.filter(isMine);
  if (mine.length > 0) writeSync(1, mine.map(({ id }) => id + "\\n").join(""));
};
let isAway = run % 3 === 0;
if (run % 6 === 0) setTimeout(() => { isAway = false; }, 60);
const confirming = {
  ...store,
  async append(lines, signal) {
    if (isAway) throw new StoreError("unreachable", "away");
    await store.append(lines, signal);
    confirm(lines);
  },
};
const confirmingSpool = Object.create(spool, { keep: { value: async (lines) => { await spool.keep(lines); confirm(lines); } } });
const ledger = createLedger({
  store: confirming, spool: confirmingSpool, log, schedule: systemSchedule, now: () => performance.now(),
  wallClock: Date.now, maxQueue: 20000, retentionDays: 0, keepsPayloads: false,
});
await store.append([], new AbortController().signal);
const entry = JSON.parse(entryText);
let number = 0;
writeSync(1, "begun\\n");
setInterval(() => {
  for (let i = 0; i < 20; i++) ledger.record({ ...entry, id: run + "-" + String(number++).padStart(6, "0") });
}, 1);
`;

describe("a ledger whose process is killed", () => {
  let command: Command;
  const prefix = mkdtempSync(join(tmpdir(), "sluice-killed-"));
  beforeAll(async () => {
    command = await buildCommand();
  }, 60_000);
  afterAll(() => {
    rmSync(prefix, { recursive: true, force: true });
  });

  /** Resolves to what it had confirmed when it died. */
  async function recordAndDie(run: number): Promise<readonly string[]> {
    const home = pathToFileURL(dirname(dirname(command.path))).href;
    const args = [home, prefix, String(run), JSON.stringify(options), JSON.stringify(sampleEntry(0))];
    const child: ChildProcess = spawn(process.execPath, ["--input-type=module", "-e", recorder, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    // Half of the runs are not killed before they have confirmed something, however busy the machine is.
    const lines = run % 2 === 0 ? 2 : 1;
    const begun = new Promise<void>((resolve) => {
      child.stdout?.on("data", (bytes) => {
        output += bytes;
        if (output.split("\n").length > lines) resolve();
      });
    });
    const closed = once(child, "close");
    await Promise.race([begun, closed]);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * longestRunMs));
    child.kill("SIGKILL");
    await closed;
    expect(output.startsWith("begun\n")).toBe(true);
    // The last line may be torn.
    return output.split("\n").slice(1, -1);
  }

  it(`loses nothing that was safe, doubles nothing, and leaves a whole file, ${kills} times`, async () => {
    const confirmed: string[] = [];
    let next = 1;
    const worker = async () => {
      while (next <= kills) confirmed.push(...(await recordAndDie(next++)));
    };
    await Promise.all(Array.from({ length: together }, worker));
    expect(confirmed.length).toBeGreaterThanOrEqual(kills / 2);

    // The next start replays what lies on the disk.
    const store = sqlite.create(options, { schedule: systemSchedule, prefix });
    const spool = createSpool({
      folder: join(prefix, "spool"),
      maxBytes: 1e9,
      wallClock: Date.now,
      owner: "next",
    });
    const parts = { schedule: systemSchedule, now: () => performance.now(), wallClock: Date.now };
    const log = createRecordingLogger();
    const limits = { maxQueue: 1000, retentionDays: 0, keepsPayloads: false };
    const ledger = createLedger({ ...parts, ...limits, store, spool, log });
    await ledger.flush();
    expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
    expect(await spool.oldest()).toBeUndefined();

    const { signal } = new AbortController();
    const numbers = new Map<string, number[]>();
    for await (const { id, attempts, baselines } of store.entries({}, signal)) {
      const [run = "", number] = id.split("-");
      numbers.set(run, [...(numbers.get(run) ?? []), Number(number)]);
      // Whole: with all that belongs to it.
      expect(attempts).toHaveLength(1);
      expect(baselines).toHaveLength(2);
    }
    const kept = new Set([...numbers].flatMap(([run, own]) => own.map((number) => `${run}-${number}`)));
    const lost = confirmed.filter((id) => {
      const [run, number] = id.split("-");
      return !kept.has(`${run}-${Number(number)}`);
    });
    expect(lost).toEqual([]);
    // What is lost is the end of a run: nothing is missing in between, and nothing is there twice.
    for (const own of numbers.values()) {
      const inOrder = own.toSorted((a, b) => a - b);
      expect(inOrder).toEqual(inOrder.map((_, index) => index));
    }
    await ledger.close(5000);
    const Driver = createRequire(import.meta.url)("libsql");
    const database = new Driver(join(prefix, "ledger.db"));
    expect(database.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
    expect(database.prepare("SELECT count(*) AS n FROM sluice_ledger_exchanges").get()).toMatchObject({
      n: kept.size,
    });
    database.close();
  }, 300_000);
});
