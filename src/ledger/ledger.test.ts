import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createFakeClock, type FakeClock } from "../../test/support/fake-clock.ts";
import { createRecordingLogger } from "../../test/support/recording-logger.ts";
import { until } from "../../test/support/until.ts";
import { callerLeft, StoreError } from "../util/store-error.ts";
import { midnight, sampleEntry, sampleId } from "./contract/samples.contract.ts";
import { createLedger, type Ledger, type LedgerParts } from "./ledger.ts";
import type { LedgerStore } from "./ledger-store.ts";
import { createSpool, type SpoolOptions } from "./spool.ts";

/** A store that keeps ids, and does as the test says. */
function createFakeStore() {
  const ids: string[] = [];
  const batches: number[] = [];
  let answer: "take" | "fail" | "hang" = "take";
  let refused: string | undefined;
  let release: (() => void) | undefined;
  const store: Pick<LedgerStore, "place" | "append" | "close" | "prune"> = {
    place: "fake at somewhere",
    async append(lines, signal) {
      if (answer === "fail") throw new StoreError("unreachable", "fake at somewhere: it is away");
      if (answer === "hang")
        await new Promise<void>((resolve, reject) => {
          release = resolve;
          signal.addEventListener("abort", () => reject(callerLeft("fake")));
        });
      if (lines.some(({ id }) => id === refused)) throw new StoreError("invalid", "fake: not this one");
      if (lines.length > 0) batches.push(lines.length);
      for (const { id } of lines) if (!ids.includes(id)) ids.push(id);
    },
    close: async () => undefined,
    prune: async () => 0,
  };
  return {
    store: store as LedgerStore, // the engine calls no more than these
    ids,
    batches,
    answer: (how: typeof answer) => {
      answer = how;
    },
    refuse: (id: string) => {
      refused = id;
    },
    release: () => release?.(),
  };
}

describe("the ledger", () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });
  const newFolder = () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-spool-"));
    folders.push(folder);
    return join(folder, "spool");
  };

  function start({
    fake = createFakeStore(),
    folder = newFolder(),
    maxQueue = 20_000,
    maxBytes = 1e9,
    ...changes
  }: Partial<LedgerParts & SpoolOptions> & { fake?: ReturnType<typeof createFakeStore> } = {}) {
    const clock = createFakeClock();
    const log = createRecordingLogger();
    const wallClock = () => midnight + clock.now();
    const ledger = createLedger({
      store: fake.store,
      spool: createSpool({ folder, maxBytes, wallClock, owner: "me" }),
      log,
      schedule: clock.schedule,
      now: clock.now,
      wallClock,
      maxQueue,
      retentionDays: 0,
      keepsPayloads: false,
      ...changes,
    });
    return { ledger, clock, log, folder, ...fake };
  }

  const record = (ledger: Ledger, count: number, from = 0) => {
    for (let number = from; number < from + count; number++) ledger.record(sampleEntry(number));
  };
  const idsUpTo = (count: number, from = 0) => Array.from({ length: count }, (_, n) => sampleId(from + n));
  /** Time passes until it holds; between its steps the disk gets its turn. */
  const passing = async (clock: FakeClock, holds: () => boolean) => {
    while (!holds()) await clock.advance(250);
  };
  const filesIn = (folder: string) => readdirSync(folder).sort();

  it("hands entries over together, a quarter of a second after the first", async () => {
    const { ledger, clock, ids, batches } = start();
    await ledger.flush();
    record(ledger, 3);
    await clock.advance(249);
    expect(ids).toEqual([]);
    await clock.advance(1);
    await until(() => ids.length === 3);
    expect(batches).toEqual([3]);
    expect(ledger.health()).toMatchObject({ state: "up", waiting: 0, writes: 3, refused: 0 });
  });

  it("asks again when its timer says so, though the clock is a little behind it", async () => {
    const clock = createFakeClock();
    let behind = 0;
    const parts = { schedule: clock.schedule, now: () => clock.now() - behind };
    const { ledger, ids, answer } = start(parts);
    await ledger.flush();
    answer("fail");
    record(ledger, 3);
    await ledger.flush();
    expect(ledger.health()).toMatchObject({ state: "down", waiting: 0 });
    answer("take");
    behind = 0.5;
    for (let quarters = 0; quarters < 8; quarters++) await clock.advance(250);
    await until(() => ids.length === 3);
    await ledger.flush();
    expect(ledger.health()).toMatchObject({ state: "up", spooledBytes: 0 });
  });

  it("does not wait for time where there are many", async () => {
    const { ledger, ids, batches } = start();
    await ledger.flush();
    record(ledger, 1234);
    await until(() => ids.length === 1000);
    await ledger.flush();
    expect(batches).toEqual([500, 500, 234]);
    expect(ids).toEqual(idsUpTo(1234));
  });

  it("puts on the disk what the store does not take, says so once, and hands it over in order", async () => {
    const { ledger, clock, ids, folder, log, answer } = start();
    await ledger.flush();
    answer("fail");
    for (let round = 0; round < 4; round++) {
      record(ledger, 10, round * 10);
      await ledger.flush();
    }
    expect(filesIn(folder)).toHaveLength(4);
    expect(ledger.health()).toMatchObject({ state: "down", reason: "fake at somewhere: it is away" });
    expect(ledger.health().spooledBytes).toBeGreaterThan(1000);
    expect(log.lines.filter(({ level }) => level === "warn")).toHaveLength(1);
    answer("take");
    await clock.advance(1000);
    await ledger.flush();
    expect(ids).toEqual(idsUpTo(40));
    expect(filesIn(folder)).toEqual([]);
    expect(ledger.health()).toMatchObject({ state: "up", spooledBytes: 0, writes: 40 });
    await ledger.close(1000);
  });

  it("asks a store that is away less and less often, also when nothing waits", async () => {
    const fake = createFakeStore();
    fake.answer("fail");
    const { ledger, clock } = start({ fake });
    await ledger.flush();
    const failures = () => ledger.health().failures;
    for (const [seconds, count] of [
      [1, 2],
      [2, 3],
      [4, 4],
      [8, 5],
    ] as const) {
      await clock.advance(seconds * 1000);
      await until(() => failures() === count);
      await ledger.flush();
    }
    fake.answer("take");
    await clock.advance(16_000);
    await until(() => ledger.health().state === "up");
  });

  it("asks again though the time for it came while it was busy with the disk", async () => {
    const { ledger, clock, ids, answer } = start();
    await ledger.flush();
    answer("fail");
    record(ledger, 5);
    await ledger.flush();
    answer("take");
    record(ledger, 5, 5);
    // The disk takes its own time; none of it passes on this clock.
    await clock.advance(999);
    await clock.advance(1);
    await until(() => ids.length === 10);
    expect(ids).toEqual(idsUpTo(10));
  });

  it("puts on the disk what comes while the store takes longer than a second", async () => {
    const { ledger, clock, ids, folder, answer, release } = start();
    await ledger.flush();
    answer("hang");
    record(ledger, 5);
    await clock.advance(250);
    record(ledger, 5, 5);
    await clock.advance(750);
    expect(ledger.health()).toMatchObject({ waiting: 5, spooledBytes: 0 });
    await clock.advance(500);
    await until(() => ledger.health().spooledBytes > 0);
    expect(ledger.health().waiting).toBe(0);
    expect(filesIn(folder)).toHaveLength(1);
    answer("take");
    release();
    await ledger.flush();
    expect(ids).toEqual(idsUpTo(10));
  });

  it("never waits and never throws: what finds no room is refused, counted, and told", async () => {
    const fake = createFakeStore();
    fake.answer("fail");
    const { ledger, clock, log, ids } = start({ fake, maxQueue: 10, maxBytes: 0 });
    await ledger.flush();
    record(ledger, 25);
    expect(ledger.health()).toMatchObject({ state: "down", waiting: 10, refused: 15 });
    await ledger.flush();
    expect(ledger.health().reason).toMatch(/^entries are refused: more than 0 bytes would wait in/);
    const errors = log.lines.filter(({ level }) => level === "error").map(({ message }) => message);
    expect(errors).toHaveLength(2);
    fake.answer("take");
    await passing(clock, () => ids.length === 10);
    await clock.advance(250);
    expect(log.lines).toContainEqual({
      level: "warn",
      message: "the ledger takes entries again",
      facts: { lost: 15 },
    });
    record(ledger, 1, 100);
    await ledger.flush();
    expect(ids).toEqual([...idsUpTo(10), sampleId(100)]);
    expect(ledger.health()).toMatchObject({ state: "up", refused: 15 });
  });

  it("goes on where the folder for the disk cannot be made", async () => {
    const folder = newFolder();
    writeFileSync(folder, "a file");
    const fake = createFakeStore();
    fake.answer("fail");
    const { ledger, clock, ids, log } = start({ fake, folder });
    record(ledger, 5);
    await ledger.flush();
    expect(log.lines.some(({ message }) => message.includes("cannot wait on the disk"))).toBe(true);
    expect(ledger.health().waiting).toBe(5);
    fake.answer("take");
    await passing(clock, () => ids.length === 5);
  });

  it("loses only the entry that the store does not take", async () => {
    const { ledger, ids, log, refuse } = start();
    refuse(sampleId(13));
    record(ledger, 100);
    await ledger.flush();
    expect(ids).toEqual(idsUpTo(100).filter((id) => id !== sampleId(13)));
    expect(ledger.health()).toMatchObject({ state: "up", invalid: 1 });
    expect(log.lines.filter(({ level }) => level === "error")).toHaveLength(1);
  });

  it.each([
    ["a cost that is no number", { routingCostNanoUsd: Number.NaN }],
    ["a cost below nothing", { routingCostNanoUsd: -1 }],
    ["a part of a billionth", { routingCostNanoUsd: 0.5 }],
    ["a latency without end", { latencyMs: Number.POSITIVE_INFINITY }],
    ["no id", { id: "" }],
    ["a distance that is no number", { decision: { reason: "x", distance: Number.NaN } }],
    ["two attempts of one index", { attempts: [...sampleEntry(1).attempts, ...sampleEntry(1).attempts] }],
  ])("counts an entry with %s, and goes on", async (_, changes) => {
    const { ledger, ids } = start();
    ledger.record(sampleEntry(1, changes));
    record(ledger, 1, 2);
    await ledger.flush();
    expect(ids).toEqual([sampleId(2)]);
    expect(ledger.health().invalid).toBe(1);
  });

  it.each([true, false])("keeps payloads only where it was told to (%s)", async (keepsPayloads) => {
    const { ledger, folder, answer } = start({ keepsPayloads });
    await ledger.flush();
    answer("fail");
    ledger.record(sampleEntry(1, { payload: "a secret question" }));
    await ledger.flush();
    const [file = ""] = filesIn(folder);
    expect(readFileSync(join(folder, file), "utf8").includes("a secret question")).toBe(keepsPayloads);
  });

  it("hands everything over when it is closed, and takes nothing more", async () => {
    const { ledger, ids, clock } = start();
    record(ledger, 1777);
    await ledger.close(5000);
    expect(ids).toEqual(idsUpTo(1777));
    expect(clock.timers).toBe(0);
    record(ledger, 1, 5000);
    expect(ledger.health().refused).toBe(1);
  });

  it("hands over when it is closed what went to the disk while the store was slow", async () => {
    const { ledger, clock, folder, ids, answer, release } = start();
    await ledger.flush();
    answer("hang");
    record(ledger, 3);
    await clock.advance(250);
    record(ledger, 3, 3);
    await passing(clock, () => existsSync(folder) && filesIn(folder).length > 0);
    answer("take");
    const closing = ledger.close(5000);
    release();
    await closing;
    expect(ids.toSorted()).toEqual(idsUpTo(6));
    expect(filesIn(folder)).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  it("leaves on the disk what a slow store has not taken when it is closed, for the next start", async () => {
    const { ledger, clock, folder, answer } = start();
    await ledger.flush();
    answer("hang");
    record(ledger, 700);
    const closing = ledger.close(3000);
    await clock.advance(2000);
    await closing;
    expect(clock.timers).toBe(0);
    const next = start({ folder });
    await next.ledger.flush();
    expect(next.ids.toSorted()).toEqual(idsUpTo(700));
    expect(filesIn(folder)).toEqual([]);
  });

  it("says how many are lost when it is closed and neither the store nor the disk takes them", async () => {
    const fake = createFakeStore();
    fake.answer("fail");
    const { ledger, log } = start({ fake, maxBytes: 0 });
    record(ledger, 7);
    await ledger.close(3000);
    expect(log.lines.at(-1)).toMatchObject({ message: "entries of the ledger are lost", facts: { lost: 7 } });
  });

  it("replays what another process left, torn lines apart, also when two do so at once", async () => {
    const left = start();
    left.answer("fail");
    record(left.ledger, 30);
    await left.ledger.flush();
    const [file = ""] = filesIn(left.folder);
    const path = join(left.folder, file);
    writeFileSync(path, `${readFileSync(path, "utf8")}[[],[],"torn",17`);
    mkdirSync(join(left.folder, "not-ours"));
    writeFileSync(join(left.folder, "000000000000001-x-0.jsonl.part"), "half a batch");
    const fake = createFakeStore();
    const both = [start({ folder: left.folder, fake }), start({ folder: left.folder, fake })];
    await Promise.all(both.map(({ ledger }) => ledger.flush()));
    expect(fake.ids).toEqual(idsUpTo(30));
    expect(filesIn(left.folder).filter((name) => name.endsWith(".jsonl"))).toEqual([]);
  });

  it("looks now and then for what a process that died has left", async () => {
    const { ledger, clock, ids, folder } = start();
    await ledger.flush();
    const dead = start({ folder, fake: Object.assign(createFakeStore()) });
    dead.answer("fail");
    record(dead.ledger, 3);
    await dead.ledger.flush();
    await clock.advance(60_000);
    await until(() => ids.length === 3);
  });

  it("deletes what is too old, soon after the start and every hour", async () => {
    const fake = createFakeStore();
    const asked: number[] = [];
    const store: LedgerStore = {
      ...fake.store,
      prune: async (beforeMs) => {
        asked.push(beforeMs);
        return asked.length === 1 ? 500 : 0;
      },
    };
    const { clock, ledger, log } = start({ store, retentionDays: 30 });
    await clock.advance(60_000);
    await clock.advance(20);
    expect(asked).toEqual([0, 0].map(() => midnight + 60_000 - 30 * 86_400_000));
    expect(log.lines.some(({ message }) => message.includes("old entries"))).toBe(true);
    await clock.advance(3_600_000);
    expect(asked).toHaveLength(3);
    await ledger.close(100);
  });
});
