/**
 * Batches that wait on the disk while the store is away. Each is a file of its own, written whole, then given its name:
 * a file that has one never changes again, so that any process may replay it, even two at once (the store takes each
 * entry once), and one that was torn by a crash was never promised to anybody.
 */
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type EntryLine, parseLine } from "./entry-line.ts";

export interface SpoolOptions {
  /** Made where it is missing. Shared by all processes of one prefix. */
  readonly folder: string;
  /** Most that all files together may take. */
  readonly maxBytes: number;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  /** Names this process among those that share the folder: letters and digits. */
  readonly owner: string;
}

/** A batch on the disk. */
export interface SpoolFile {
  readonly name: string;
  readonly bytes: number;
}

/** There is no room left within the bound. */
export class SpoolFullError extends Error {}

export interface Spool {
  readonly folder: string;
  /** Keeps a batch; resolves when it is on the disk. Rejects with a `SpoolFullError`, or with what the system says. */
  keep(lines: readonly EntryLine[]): Promise<void>;
  /** The oldest batch, whoever wrote it; undefined when there is none. Looks at the disk. */
  oldest(): Promise<SpoolFile | undefined>;
  /** What is in it, without lines that are torn or not ours; those are counted. */
  read(file: SpoolFile): Promise<{ readonly lines: readonly EntryLine[]; readonly torn: number }>;
  /** Removes a batch that the store has. */
  remove(file: SpoolFile): Promise<void>;
  /** Bytes on the disk, as of the last look, and what was added and removed since. */
  readonly bytes: number;
}

const fileName = /^\d{15}-[A-Za-z0-9]+-\d+\.jsonl$/;
const tornName = /\.jsonl\.part$/;

/** No batch takes so long to write: whoever began it is gone. */
const tornAfterMs = 60_000;

export function createSpool({ folder, maxBytes, wallClock, owner }: SpoolOptions): Spool {
  let bytes = 0;
  let count = 0;
  let isMade = false;

  async function make(): Promise<void> {
    if (isMade) return;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    isMade = true;
    await look();
  }

  /** In the order they were written. */
  async function look(): Promise<readonly SpoolFile[]> {
    const names = await namesIn(folder);
    await Promise.all(names.filter((name) => tornName.test(name)).map(removeTorn));
    const files: SpoolFile[] = [];
    for (const name of names.filter((each) => fileName.test(each)).sort()) {
      const size = await sizeOf(join(folder, name));
      if (size !== undefined) files.push({ name, bytes: size });
    }
    bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    return files;
  }

  /** Half a batch helps nobody, and was never promised. */
  async function removeTorn(name: string): Promise<void> {
    const path = join(folder, name);
    const found = await stat(path).catch(ignoreMissing);
    if (found !== undefined && wallClock() - found.mtimeMs > tornAfterMs) await rm(path, { force: true });
  }

  return {
    folder,
    get bytes() {
      return bytes;
    },

    async keep(lines) {
      const text = lines.map(({ json }) => `${json}\n`).join("");
      const size = Buffer.byteLength(text);
      try {
        await make();
        if (bytes + size > maxBytes) await look();
        if (bytes + size > maxBytes)
          throw new SpoolFullError(`more than ${maxBytes} bytes would wait in ${folder}`);
        const time = String(Math.max(0, Math.trunc(wallClock()))).padStart(15, "0");
        const path = join(folder, `${time}-${owner}-${count++}.jsonl`);
        await writeDurably(`${path}.part`, text);
        await rename(`${path}.part`, path);
        await syncFolder(folder);
        bytes += size;
      } catch (error) {
        isMade = false; // somebody may have removed the folder
        throw error;
      }
    },

    async oldest() {
      return (await look())[0];
    },

    async read({ name }) {
      const text = (await readFile(join(folder, name), "utf8").catch(ignoreMissing)) ?? "";
      const written = text.split("\n").filter((line) => line !== "");
      const lines = written.map(parseLine).filter((line) => line !== undefined);
      return { lines, torn: written.length - lines.length };
    },

    async remove({ name, bytes: size }) {
      await rm(join(folder, name), { force: true });
      bytes = Math.max(0, bytes - size);
    },
  };
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** The name, too, must outlive a loss of power; where a folder cannot be opened (Windows) that is up to the system. */
async function syncFolder(folder: string): Promise<void> {
  const opened: FileHandle | undefined = await open(folder, "r").catch(() => undefined);
  try {
    await opened?.sync();
  } finally {
    await opened?.close();
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder).catch(ignoreMissing)) ?? [];
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(ignoreMissing))?.size;
}

/** Another process may have replayed and removed it meanwhile. */
function ignoreMissing(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}
