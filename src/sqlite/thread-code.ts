/** What the thread of a SQLite connection does. Only the text of this function gets there, so it uses nothing from outside. */
import type Libsql from "libsql";
import type { Statement, StatementRows } from "../sql/runner.ts";

export interface ThreadOptions {
  /** Where the driver is, as a path that `require` takes. */
  readonly driver: string;
  readonly file: string;
  /** How long to wait for another process that writes. */
  readonly busyMs: number;
  /** 0: as many as the disk holds. For tests of a full one. */
  readonly maxPages: number;
}

export interface ThreadRequest {
  readonly number: number;
  readonly mode: "read" | "write";
  readonly statements: readonly (Pick<Statement, "sql" | "parameters"> & {
    readonly rows: StatementRows | undefined;
  })[];
}

export interface ThreadReply {
  readonly number: number;
  readonly rows?: readonly (readonly Readonly<Record<string, unknown>>[])[];
  readonly error?: { readonly message: string; readonly code: string };
}

type Require = (name: string) => unknown;

/** Answers requests one after the other, each in a transaction of its own. */
export function serveSqlite(require: Require, options: ThreadOptions): void {
  // What `require` gives has the types that are named here.
  const { parentPort } = require("node:worker_threads") as typeof import("node:worker_threads");
  const fs = require("node:fs") as typeof import("node:fs");
  const path = require("node:path") as typeof import("node:path");
  let database: Libsql.Database | undefined;
  let identity: string | undefined;
  const prepared = new Map<string, Libsql.Statement>();

  function open(): Libsql.Database {
    makeFolder(path.dirname(options.file));
    makeFile();
    const Driver = require(options.driver) as typeof Libsql;
    const opened = new Driver(options.file, { timeout: options.busyMs });
    try {
      // Anew for each connection but the first: setting it waits for no lock, so it is tried again.
      patiently(() => opened.prepare("PRAGMA journal_mode = WAL").all([]));
      // Every commit is on the disk, also when the machine loses power.
      opened.exec("PRAGMA synchronous = FULL");
      if (options.maxPages > 0) opened.exec(`PRAGMA max_page_count = ${options.maxPages}`);
    } catch (error) {
      opened.close();
      throw error;
    }
    identity = identityOf(options.file);
    return opened;
  }

  /** One by one: Node's `recursive` never returns where a file system says ENOENT to making a folder, as /proc does (Node 20). */
  function makeFolder(folder: string): void {
    if (fs.existsSync(folder)) return;
    makeFolder(path.dirname(folder));
    unlessThere(() => fs.mkdirSync(folder, { mode: 0o700 }));
  }

  /**
   * Made by us, so that it is nobody else's to read; what SQLite puts beside it has the same mode. One that is there is not
   * touched: closing it would end the locks that the other thread's connection has on it (fcntl(2)), and another process
   * might then remove the log under it.
   */
  function makeFile(): void {
    unlessThere(() => fs.closeSync(fs.openSync(options.file, "wx", 0o600)));
  }

  function unlessThere(make: () => void): void {
    try {
      make();
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
  }

  /** A number alone would not do: that of a deleted file is given to the next. */
  function identityOf(file: string): string | undefined {
    const found = fs.statSync(file, { throwIfNoEntry: false, bigint: true });
    return found && `${found.dev}:${found.ino}:${found.birthtimeNs}`;
  }

  function patiently(work: () => unknown): void {
    const breathMs = 10;
    for (let waitedMs = 0; ; waitedMs += breathMs) {
      try {
        work();
        return;
      } catch (error) {
        if (!isBusy(error) || waitedMs >= options.busyMs) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, breathMs);
      }
    }
  }

  function isBusy(error: unknown): boolean {
    return error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE_BUSY");
  }

  function close(): void {
    prepared.clear();
    const closing = database;
    database = undefined;
    closing?.close();
  }

  /** A file that was deleted or replaced would take what is written with it. */
  function current(): Libsql.Database {
    if (database !== undefined && identityOf(options.file) !== identity) close();
    database ??= open();
    return database;
  }

  function prepare(using: Libsql.Database, sql: string): Libsql.Statement {
    const statement = prepared.get(sql) ?? using.prepare(sql);
    // Those of reports are of many forms; the ones that are many are few.
    if (prepared.size < 50) prepared.set(sql, statement);
    return statement;
  }

  function runRows(using: Libsql.Database, one: string, { many, most, width, lines }: StatementRows): void {
    const rows = lines === "" ? [] : lines.split("\n").map((line) => cellsOf(line, width));
    let done = 0;
    for (; done + most <= rows.length; done += most)
      prepare(using, many).run(rows.slice(done, done + most).flat());
    for (const row of rows.slice(done)) prepare(using, one).run(row);
  }

  /** What is to stay JSON is not parsed: that would be most of the work. */
  function cellsOf(line: string, width: number): unknown[] {
    const [plain, ...json] = line.slice(0, -1).split(",\t");
    const cells: unknown[] = parsed(`${plain}]`);
    for (const text of json) cells.push(text === "null" ? null : text);
    if (cells.length !== width) throw mismatch(`a row has ${cells.length} values, not ${width}`);
    return cells;
  }

  function parsed(text: string): unknown[] {
    try {
      return JSON.parse(text);
    } catch {
      throw mismatch("malformed JSON");
    }
  }

  function mismatch(message: string): Error {
    return Object.assign(new Error(message), { code: "SQLITE_MISMATCH" });
  }

  function run({ mode, statements }: ThreadRequest): ThreadReply["rows"] {
    const using = current();
    try {
      using.exec(mode === "write" ? "BEGIN IMMEDIATE" : "BEGIN");
      const results = statements.map(({ sql, parameters, rows }) => {
        // Without `raw` a row is an object of its columns.
        if (rows === undefined)
          return prepare(using, sql).all(parameters) as Readonly<Record<string, unknown>>[];
        runRows(using, sql, rows);
        return [];
      });
      using.exec("COMMIT");
      return results;
    } catch (error) {
      // Closing alone would not: a connection lives on in its statements until they are collected.
      if (using.inTransaction) using.exec("ROLLBACK");
      // What ails the file is found again, or not, by the next one.
      if (!isBusy(error)) close();
      throw error;
    }
  }

  parentPort?.on("message", (request: ThreadRequest | "close") => {
    if (request === "close") {
      close();
      parentPort.close();
      return;
    }
    let reply: ThreadReply;
    try {
      reply = { number: request.number, rows: run(request) ?? [] };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      reply = { number: request.number, error: { message, code } };
    }
    parentPort.postMessage(reply);
  });
}
