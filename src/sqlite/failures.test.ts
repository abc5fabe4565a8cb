import { describe, expect, it } from "vitest";
import { StoreError, type StoreErrorKind } from "../util/store-error.ts";
import { toStoreError } from "./failures.ts";
import type { SqliteOwner } from "./owner.ts";
import { SqliteError } from "./thread.ts";

const place = "sqlite at ledger.db";
const owner: SqliteOwner = {
  block: "ledger.sqlite",
  content: "the ledger",
  item: "an entry",
  makeRoom: "make room on the disk",
};

describe("an error of a file", () => {
  it.each<[string, string, StoreErrorKind, RegExp]>([
    ["SQLITE_BUSY", "database is locked", "unreachable", /another process/],
    ["SQLITE_BUSY_SNAPSHOT", "database is locked", "unreachable", /another process/],
    ["SQLITE_FULL", "database or disk is full", "denied", /make room/],
    ["ENOSPC", "ENOSPC: no space left on device", "denied", /make room/],
    ["SQLITE_READONLY", "attempt to write a readonly database", "denied", /allowed to write/],
    ["EACCES", "EACCES: permission denied, open 'ledger.db'", "denied", /allowed to write/],
    ["EROFS", "EROFS: read-only file system", "denied", /allowed to write/],
    ["SQLITE_NOTADB", "file is not a database", "corrupt", /move it away/],
    ["SQLITE_CORRUPT", "database disk image is malformed", "corrupt", /move it away/],
    ["", 'ConnectionFailed("Unable to open connection to local database")', "denied", /ledger\.sqlite\.path/],
    ["EISDIR", "EISDIR: illegal operation on a directory", "denied", /ledger\.sqlite\.path/],
    ["SQLITE_ERROR", "integer overflow", "unfit", /shorter time/],
    ["SQLITE_CONSTRAINT_NOTNULL", "NOT NULL constraint failed", "invalid", /in an entry/],
    ["SQLITE_ERROR", "no such column: x", "corrupt", /not as Sluice made them/],
    ["MODULE_NOT_FOUND", "Cannot find module '@libsql/linux-riscv64-gnu'", "unfit", /PostgreSQL/],
    ["SQLITE_IOERR", "disk I/O error", "unreachable", /disk I\/O error \(SQLITE_IOERR\)$/],
  ])("with code %s (%s) is %s", (code, message, kind, words) => {
    const cause = new SqliteError(message, code);
    const error = toStoreError(cause, place, owner);
    expect(error.kind).toBe(kind);
    expect(error.message).toMatch(words);
    expect(error.message.startsWith(`${place}: ${message}`)).toBe(true);
    expect(error.cause).toBe(cause);
  });

  it("stays what it is when it is one of the family, and is one when it is none", () => {
    const error = new StoreError("invalid", "words");
    expect(toStoreError(error, place, owner)).toBe(error);
    expect(toStoreError("odd", place, owner)).toMatchObject({
      kind: "unreachable",
      message: `${place}: odd`,
    });
  });
});
