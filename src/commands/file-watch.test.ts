import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFakeClock, type FakeClock } from "../../test/support/fake-clock.ts";
import { watchFile } from "./file-watch.ts";

let folder: string;
let path: string;
let clock: FakeClock;
let changes: number;
let stop: () => void;

function watch(): void {
  stop = watchFile(path, clock.schedule, () => {
    changes++;
  });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-watch-"));
  path = join(folder, "gateway.yaml");
  clock = createFakeClock();
  changes = 0;
  writeFileSync(path, "a: 1\n");
  watch();
});
afterEach(() => {
  stop();
  rmSync(folder, { recursive: true });
});

describe("a file that is watched", () => {
  it("and stays as it is, is no news", async () => {
    await clock.advance(60_000);
    expect(changes).toBe(0);
  });

  it("and is written over, is news once, a second later at most", async () => {
    writeFileSync(path, "a: 22\n");
    await clock.advance(1_000);
    expect(changes).toBe(1);
    await clock.advance(60_000);
    expect(changes).toBe(1);
  });

  it("and is written over with as many bytes, is news", async () => {
    writeFileSync(path, "a: 2\n");
    utimesSync(path, 1, 1);
    await clock.advance(1_000);
    expect(changes).toBe(1);
  });

  it("and has another renamed over it, is news", async () => {
    const other = join(folder, ".gateway.yaml.swp");
    writeFileSync(other, "a: 2\n");
    renameSync(other, path);
    await clock.advance(1_000);
    expect(changes).toBe(1);
  });

  it("and is gone for a while, is news when it is back, and not before", async () => {
    rmSync(path);
    await clock.advance(5_000);
    expect(changes).toBe(0);
    writeFileSync(path, "a: 2\n");
    await clock.advance(1_000);
    expect(changes).toBe(1);
  });

  it("and is being written, is not read before it is whole", async () => {
    for (let size = 1; size <= 10; size++) {
      writeFileSync(path, "a: 1\n".repeat(size + 1));
      await clock.advance(500);
      expect(changes).toBe(0);
    }
    await clock.advance(500);
    expect(changes).toBe(1);
  });

  it("and changes again and again, is news each time", async () => {
    for (let count = 1; count <= 3; count++) {
      writeFileSync(path, "a: 1\n".repeat(count + 1));
      await clock.advance(1_000);
      expect(changes).toBe(count);
    }
  });

  it("and is watched no longer, is no news, and no timer is left", async () => {
    stop();
    writeFileSync(path, "a: 22\n");
    await clock.advance(5_000);
    expect([changes, clock.timers]).toEqual([0, 0]);
  });
});

describe("a file behind links, as Kubernetes mounts it", () => {
  it("is news when the link in between leads elsewhere", async () => {
    stop();
    for (const version of ["v1", "v2"]) {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, "mounted.yaml"), "a: 1\n");
    }
    const data = join(folder, "..data");
    symlinkSync("v1", data);
    path = join(folder, "mounted.yaml");
    symlinkSync(join("..data", "mounted.yaml"), path);
    watch();
    await clock.advance(2_000);
    expect(changes).toBe(0);
    symlinkSync("v2", `${data}_tmp`);
    renameSync(`${data}_tmp`, data);
    await clock.advance(1_000);
    expect(changes).toBe(1);
  });

  it("that lead in a circle is news, for its reader to say what is wrong, and ends nothing", async () => {
    rmSync(path);
    symlinkSync("gateway.yaml", path);
    await clock.advance(5_000);
    expect(changes).toBe(1);
    rmSync(path);
    writeFileSync(path, "a: 1\n");
    await clock.advance(1_000);
    expect(changes).toBe(2);
  });
});
