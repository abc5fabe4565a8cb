/** Appends lines to a file that others append to as well, and that may be moved away, full or out of reach. */
import type { Stats } from "node:fs";
import { access, constants, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Schedule } from "../util/schedule.ts";
import type { Contact } from "./contact.ts";

/** The part of an open file that is needed; `node:fs/promises` has it. */
export interface AppendedFile {
  write(bytes: Buffer): Promise<{ readonly bytesWritten: number }>;
  stat(): Promise<FileIdentity>;
  close(): Promise<void>;
}

export type FileIdentity = Pick<Stats, "dev" | "ino">;

export interface FileSystem {
  /** For appending; made where it is not there. */
  open(path: string): Promise<AppendedFile>;
  stat(path: string): Promise<FileIdentity>;
}

/** Others than the owner's group have no business with what clients ask. Who wants it otherwise makes the file beforehand. */
const mode = 0o640;

export const realFiles: FileSystem = { open: (path) => open(path, "a", mode), stat };

export interface LineFileOptions {
  readonly path: string;
  /** Open it anew for every write, rather than when it turns out to have been moved. */
  readonly reopens: boolean;
  /** Is told how writing goes. While it is down, lines are dropped between its tries. */
  readonly contact: Contact;
  readonly onDropped: (count: number) => void;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly schedule: Schedule;
  readonly files?: FileSystem;
}

/** Bytes that may wait for a slow disk; the same as for the output. */
const maxWaitingBytes = 16 * 1024 * 1024;

/** How often it is looked whether the path still leads to the open file: a rotated log is followed within that time. */
const lookEveryMs = 1_000;

const lineFeed = Buffer.from("\n");

/**
 * Lines of one turn of the event loop are written together, by one `write` on a file opened with O_APPEND: POSIX has the
 * offset set to the end and the bytes written without another write between them, for regular files and whatever the length
 * (https://pubs.opengroup.org/onlinepubs/9799919799/functions/write.html, and section 2.9.7 of "General Information"). So
 * lines of many processes stay whole. The bound PIPE_BUF is one of pipes. NFS promises none of this.
 */
export class LineFile {
  readonly #options: LineFileOptions;
  readonly #files: FileSystem;
  #lines: Buffer[] = [];
  /** Bytes of `#lines` and of what is being written. */
  #waitingBytes = 0;
  #file: { readonly handle: AppendedFile; readonly identity: FileIdentity } | undefined;
  #lookedAt = 0;
  #retryAt = Number.NEGATIVE_INFINITY;
  /** A write stopped within a line; the next one begins a new line. */
  #isTorn = false;
  #writing: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #written = 0;

  constructor(options: LineFileOptions) {
    this.#options = options;
    this.#files = options.files ?? realFiles;
  }

  /** Lines that were written. */
  get written(): number {
    return this.#written;
  }

  /** Opens the file, so that it is known early whether that works; later writes try again. Never rejects. */
  async start(): Promise<void> {
    this.#writing ??= this.#openEarly();
    await this.#writing;
  }

  /** Takes a line, without its end, without waiting and without throwing. */
  append(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    const isFull = this.#waitingBytes + bytes.length > maxWaitingBytes;
    if (this.#closed !== undefined || isFull || this.#options.now() < this.#retryAt) {
      this.#options.onDropped(1);
      return;
    }
    this.#lines.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#writing ??= this.#writeAll(true);
  }

  /** Writes what was taken and closes the file; waits no longer than the deadline for a disk that does not answer. */
  close(deadlineMs: number): Promise<void> {
    this.#closed ??= this.#close(deadlineMs);
    return this.#closed;
  }

  async #close(deadlineMs: number): Promise<void> {
    const written = (async () => {
      await this.#writing;
      await this.#closeFile();
    })();
    await new Promise<void>((resolve) => {
      const cancel = this.#options.schedule(deadlineMs, resolve);
      void written.then(() => {
        cancel();
        resolve();
      });
    });
  }

  async #openEarly(): Promise<void> {
    try {
      await this.#opened();
      this.#options.contact.succeeded();
    } catch (error) {
      this.#failed(error);
    }
    await this.#writeAll(false);
  }

  async #writeAll(waitsForTurn: boolean): Promise<void> {
    if (waitsForTurn) await new Promise((resolve) => setImmediate(resolve));
    while (this.#lines.length > 0) {
      const lines = this.#lines;
      this.#lines = [];
      const bytes = Buffer.concat(this.#isTorn ? [lineFeed, ...lines] : lines);
      await this.#write(bytes, lines);
      this.#waitingBytes -= lines.reduce((sum, line) => sum + line.length, 0);
    }
    this.#writing = undefined;
  }

  async #write(bytes: Buffer, lines: readonly Buffer[]): Promise<void> {
    let done = 0;
    try {
      const handle = await this.#opened();
      // One write takes it all but when the disk is full or a limit is met; then the rest says which.
      while (done < bytes.length) {
        const { bytesWritten } = await handle.write(bytes.subarray(done));
        if (bytesWritten === 0) throw new Error("the file takes no bytes");
        done += bytesWritten;
      }
      this.#isTorn = false;
      this.#written += lines.length;
      this.#options.contact.succeeded();
    } catch (error) {
      this.#isTorn ||= done > 0;
      this.#options.onDropped(lines.length);
      this.#failed(error);
      await this.#closeFile();
    }
  }

  #failed(error: unknown): void {
    const { contact, now } = this.#options;
    contact.failed(error);
    this.#retryAt = now() + contact.retryInMs;
  }

  async #opened(): Promise<AppendedFile> {
    if (this.#file !== undefined && (await this.#isToBeReopened(this.#file.identity)))
      await this.#closeFile();
    if (this.#file === undefined) {
      const handle = await this.#files.open(this.#options.path);
      this.#file = { handle, identity: await handle.stat() };
      this.#lookedAt = this.#options.now();
    }
    return this.#file.handle;
  }

  async #isToBeReopened({ dev, ino }: FileIdentity): Promise<boolean> {
    const { now, path, reopens } = this.#options;
    if (reopens) return true;
    if (now() - this.#lookedAt < lookEveryMs) return false;
    this.#lookedAt = now();
    const found = await this.#files.stat(path).catch(() => undefined);
    return found === undefined || found.dev !== dev || found.ino !== ino;
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    // What was written is written; a file that cannot be closed is no news worth a line.
    await file?.handle.close().catch(() => undefined);
  }
}

/** Why a line file could not be written there, without touching anything; undefined: it could. */
export async function whyNotWritable(path: string): Promise<string | undefined> {
  const refusal = await refusalOf(path, constants.W_OK);
  if (refusal?.code !== "ENOENT") return refusal?.message;
  return (await refusalOf(dirname(path), constants.W_OK | constants.X_OK))?.message; // it would be made there
}

async function refusalOf(path: string, mode: number): Promise<NodeJS.ErrnoException | undefined> {
  try {
    await access(path, mode);
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException; // as node's documentation says
  }
}
