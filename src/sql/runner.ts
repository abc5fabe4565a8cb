/** What stores need of a database: transactions of statements that are known beforehand. */
import type { Row } from "./rows.ts";

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  /** Instead of parameters, for a database in this process. */
  readonly rows?: StatementRows;
}

/** Rows to run a statement with, each by itself, or, which is cheaper, many at a time. */
export interface StatementRows {
  /** The statement for as many rows as `most`. */
  readonly many: string;
  readonly most: number;
  /** Values of a row. */
  readonly width: number;
  /** A row each: an array in JSON, where a tab stands before each value that is to stay JSON. */
  readonly lines: string;
}

/** Settles within the timeout, or as soon as the signal is aborted, and rejects with a `StoreError`. */
export interface SqlRunner {
  /** Strategy and address without credentials, e.g. `sqlite at .sluice/ledger.db`. */
  readonly place: string;
  /**
   * Runs them in one transaction; the rows of each. Must be safe to do twice. In a file one writes at a time; on a server
   * whoever has to be alone takes a lock first.
   */
  write(statements: readonly Statement[], signal: AbortSignal): Promise<readonly (readonly Row[])[]>;
  /** Runs them on what was there at one moment; the rows of each. */
  read(statements: readonly Statement[], signal: AbortSignal): Promise<readonly (readonly Row[])[]>;
  /** Whether a call failed because tables that were there are there no longer. */
  hasLostTables(error: unknown): boolean;
  /** An error of this place in the words of the family. */
  failure(kind: "unfit" | "corrupt", message: string): Error;
  close(): Promise<void>;
}
