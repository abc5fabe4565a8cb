import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { createRecordingLogger } from "../../test/support/recording-logger.ts";
import { until } from "../../test/support/until.ts";
import { Contact } from "./contact.ts";
import { type AppendedFile, type FileSystem, LineFile } from "./line-file.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-lines-"));
  path = join(folder, "access.log");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Settings {
  readonly path?: string;
  readonly reopens?: boolean;
  readonly files?: FileSystem;
}

function create(settings: Settings = {}) {
  const clock = createFakeClock();
  const log = createRecordingLogger();
  let dropped = 0;
  const place = settings.path ?? path;
  const contact = new Contact({
    what: "the log file",
    words: { down: "cannot be written", up: "can be written again" },
    meanwhile: "entries are dropped",
    place,
    log,
    now: clock.now,
  });
  const file = new LineFile({
    path: place,
    reopens: settings.reopens ?? false,
    contact,
    onDropped: (count) => {
      dropped += count;
    },
    now: clock.now,
    schedule: clock.schedule,
    ...(settings.files && { files: settings.files }),
  });
  /** Waits until so many lines have been written or dropped. */
  const settledAt = (count: number) => until(() => file.written + dropped >= count);
  return { file, clock, log, contact, settledAt, dropped: () => dropped };
}

const linesOf = (at = path) => readFileSync(at, "utf8").split("\n").slice(0, -1);

describe("a line file", () => {
  it("is made with the first line or at the start, for the owner and the group, and keeps what was in it", async () => {
    const first = create();
    await first.file.start();
    expect(linesOf()).toEqual([]);
    expect(statSync(path).mode & 0o777 & 0o027).toBe(0);
    first.file.append("a");
    first.file.append("b");
    await first.file.close(1_000);
    const second = create();
    second.file.append("c");
    await second.file.close(1_000);
    expect(linesOf()).toEqual(["a", "b", "c"]);
    expect([first.file.written, second.file.written]).toEqual([2, 1]);
    expect(first.contact.state).toBe("up");
    expect(first.clock.timers).toBe(0);
  });

  it("writes the lines of a turn by one write, so that those of others do not get between", async () => {
    const writes: string[] = [];
    const { file } = create({
      files: memory((bytes) => {
        writes.push(bytes.toString());
        return bytes.length;
      }),
    });
    file.append("a");
    file.append("b".repeat(100_000));
    await file.close(1_000);
    expect(writes).toEqual([`a\n${"b".repeat(100_000)}\n`]);
  });

  it("follows its path within a second when it was moved", async () => {
    const { clock, file, settledAt } = create();
    file.append("1");
    await settledAt(1);
    renameSync(path, `${path}.1`);
    file.append("2");
    await settledAt(2);
    await clock.advance(1_000);
    file.append("3");
    await settledAt(3);
    expect(linesOf(`${path}.1`)).toEqual(["1", "2"]);
    expect(linesOf()).toEqual(["3"]);
    truncateSync(path);
    file.append("4");
    await file.close(1_000);
    expect(linesOf()).toEqual(["4"]);
  });

  it("follows it at once where it is opened for every write", async () => {
    const { file, settledAt } = create({ reopens: true });
    file.append("1");
    await settledAt(1);
    renameSync(path, `${path}.1`);
    file.append("2");
    await file.close(1_000);
    expect(linesOf(`${path}.1`)).toEqual(["1"]);
    expect(linesOf()).toEqual(["2"]);
  });
});

describe("a file that cannot be written", () => {
  it("is one warning; lines are dropped until a later try works", async () => {
    const inside = join(folder, "later", "access.log");
    const { clock, dropped, file, log, settledAt } = create({ path: inside });
    await file.start();
    for (let at = 0; at < 100; at++) file.append("lost");
    expect(dropped()).toBe(100);
    await clock.advance(1_000);
    file.append("lost too");
    await settledAt(101);
    mkdirSync(join(folder, "later"));
    await clock.advance(1_999);
    file.append("lost as well");
    await clock.advance(1);
    file.append("kept");
    await file.close(1_000);
    expect(linesOf(inside)).toEqual(["kept"]);
    expect(dropped()).toBe(102);
    expect(log.lines.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      "warn: the log file cannot be written; entries are dropped",
      "info: the log file can be written again",
    ]);
    expect(log.lines[0]?.facts["reason"]).toMatch(/ENOENT/);
  });

  it.runIf(process.platform === "linux")(
    "because the disk is full costs its lines and nothing else",
    async () => {
      const { dropped, file, log } = create({ path: "/dev/full" });
      file.append("a");
      await file.close(1_000);
      expect([dropped(), file.written]).toEqual([1, 0]);
      expect(log.lines[0]?.facts["reason"]).toMatch(/ENOSPC/);
    },
  );

  it("in the middle of a line begins a new one when it goes on", async () => {
    const writes: string[] = [];
    const room = [3, 0, 100];
    const { clock, file, settledAt } = create({
      files: memory((bytes) => {
        const taken = Math.min(room.shift() ?? 100, bytes.length);
        writes.push(bytes.subarray(0, taken).toString());
        return taken;
      }),
    });
    file.append("abcdef");
    await settledAt(1);
    await clock.advance(1_000);
    file.append("gh");
    await file.close(1_000);
    expect(writes.join("")).toBe("abc\ngh\n");
  });

  it("because the disk does not answer holds no more than it may, and does not keep us from closing", async () => {
    const { clock, dropped, file } = create({ files: memory(() => new Promise(() => undefined)) });
    const line = "x".repeat(1024 * 1024 - 1);
    for (let at = 0; at < 20; at++) file.append(line);
    expect(dropped()).toBe(4);
    const closed = file.close(500);
    await clock.advance(500);
    await closed;
    file.append("after");
    expect(dropped()).toBe(5);
  });
});

/** A file in memory; `write` says how many bytes it takes. */
function memory(write: (bytes: Buffer) => number | Promise<number>): FileSystem {
  const identity = { dev: 1, ino: 1 };
  const handle: AppendedFile = {
    write: async (bytes) => ({ bytesWritten: await write(bytes) }),
    stat: async () => identity,
    close: async () => undefined,
  };
  return { open: async () => handle, stat: async () => identity };
}
