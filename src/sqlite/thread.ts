/**
 * A connection to an SQLite file, in a thread of its own: the driver's calls are synchronous, and a batch of 500 entries
 * takes them about 10 ms, a lock of another process seconds. The gateway's thread only hands a text over.
 */
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import type { Row } from "../sql/rows.ts";
import type { Statement } from "../sql/runner.ts";
import { serveSqlite, type ThreadOptions, type ThreadReply, type ThreadRequest } from "./thread-code.ts";

/** As the driver said it; its class does not survive the way out of the thread. */
export class SqliteError extends Error {
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

export interface SqliteThread {
  /** Runs the statements in one transaction. Calls wait for each other. */
  run(mode: "read" | "write", statements: readonly Statement[]): Promise<readonly (readonly Row[])[]>;
  /** Calls that have no answer yet. */
  readonly underWay: number;
  /**
   * Lets it end what was asked for, and close the file; resolves when it is gone. There is no way to end it earlier:
   * the driver takes the process along when its thread is terminated while it throws.
   */
  end(): Promise<void>;
}

interface Call {
  resolve(rows: readonly (readonly Row[])[]): void;
  reject(error: Error): void;
}

export function startThread(options: Omit<ThreadOptions, "driver">): SqliteThread {
  const driver = createRequire(import.meta.url).resolve("libsql");
  const given: ThreadOptions = { ...options, driver };
  // As text, because then it is the same from the sources (tests) and as it is built.
  const code = `(${serveSqlite})(require, ${JSON.stringify(given)})`;
  // None of the process's own options: one may say that such a text is a module, which has no `require`.
  const worker = new Worker(code, { eval: true, execArgv: [] });
  const calls = new Map<number, Call>();
  let count = 0;
  let end: SqliteError | undefined;
  let gone: (() => void) | undefined;

  // A thread that nobody waits for does not keep the process alive.
  worker.unref();
  worker.on("message", ({ number, rows, error }: ThreadReply) => {
    const call = calls.get(number);
    calls.delete(number);
    if (calls.size === 0) worker.unref();
    if (error === undefined) call?.resolve(rows ?? []);
    else call?.reject(new SqliteError(error.message, error.code));
  });
  worker.on("error", (error) => die(error instanceof Error ? error.message : String(error)));
  worker.on("exit", () => die("it has ended"));

  function die(why: string): void {
    end ??= new SqliteError(`the thread of the database is gone: ${why}`, threadGone);
    for (const call of calls.values()) call.reject(end);
    calls.clear();
    gone?.();
  }

  return {
    run(mode, statements) {
      if (end !== undefined) return Promise.reject(end);
      const request: ThreadRequest = {
        number: count++,
        mode,
        statements: statements.map(({ sql, parameters, rows }) => ({ sql, parameters, rows })),
      };
      return new Promise((resolve, reject) => {
        calls.set(request.number, { resolve, reject });
        worker.ref();
        worker.postMessage(request);
      });
    },
    get underWay() {
      return calls.size;
    },
    async end() {
      if (end !== undefined) return;
      const going = new Promise<void>((resolve) => {
        gone = resolve;
      });
      worker.ref();
      worker.postMessage("close");
      await going;
    },
  };
}

/** Code of a call whose thread died. */
export const threadGone = "THREAD_GONE";
