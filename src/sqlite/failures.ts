/** What SQLite and the file system say when something fails, in our words. */
import { StoreError, type StoreErrorKind } from "../util/store-error.ts";
import type { SqliteOwner } from "./owner.ts";
import { SqliteError } from "./thread.ts";

interface Rule {
  readonly pattern: RegExp;
  readonly kind: StoreErrorKind;
  readonly advice: string | ((owner: SqliteOwner) => string);
}

/** By the code, a space and the message. */
const rules: readonly Rule[] = [
  {
    pattern: /MODULE_NOT_FOUND|Cannot find module/,
    kind: "unfit",
    advice: ({ content }) =>
      `there is no SQLite for this platform in the installation; keep ${content} in PostgreSQL`,
  },
  {
    pattern: /^SQLITE_(?:BUSY|LOCKED)/,
    kind: "unreachable",
    advice:
      "another process has been writing to it all the time; does something hold it open, a backup perhaps?",
  },
  {
    pattern: /^SQLITE_FULL|^ENOSPC|^EDQUOT/,
    kind: "denied",
    advice: ({ makeRoom }) => makeRoom,
  },
  {
    pattern: /^SQLITE_(?:READONLY|PERM|AUTH)|^EACCES|^EPERM|^EROFS/,
    kind: "denied",
    advice: "the gateway's user must be allowed to write the file and its folder",
  },
  {
    pattern: /^SQLITE_(?:NOTADB|CORRUPT)/,
    kind: "corrupt",
    advice: "the file is damaged or no database; move it away, and a new one is begun",
  },
  {
    pattern: /^EISDIR|^EEXIST|^ENOTDIR|^ENOENT|^SQLITE_CANTOPEN|Unable to open/,
    kind: "denied",
    advice: ({ block }) =>
      `no file can be made there; set ${block}.path to one in a folder that can be written`,
  },
  {
    pattern: /integer overflow/,
    kind: "unfit",
    advice: "a sum is larger than SQLite counts; ask for a shorter time",
  },
  {
    pattern: /^SQLITE_CONSTRAINT|^SQLITE_MISMATCH|malformed JSON/,
    kind: "invalid",
    advice: ({ item }) => `the database does not take what is in ${item}`,
  },
  {
    pattern: /^SQLITE_ERROR/,
    kind: "corrupt",
    advice: "its tables are not as Sluice made them; move the file away, and a new one is begun",
  },
];

/** Anything that a call can fail with, as the error of all stores. The cause is kept. */
export function toStoreError(error: unknown, place: string, owner: SqliteOwner): StoreError {
  if (error instanceof StoreError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof SqliteError ? error.code : "";
  const rule = rules.find(({ pattern }) => pattern.test(`${code} ${message}`.trimStart()));
  const what = code === "" || message.includes(code) ? message : `${message} (${code})`;
  if (rule === undefined) return new StoreError("unreachable", `${place}: ${what}`, { cause: error });
  const advice = typeof rule.advice === "string" ? rule.advice : rule.advice(owner);
  return new StoreError(rule.kind, `${place}: ${what}: ${advice}`, { cause: error });
}

/** Whether a table of ours is not where it was when the file was opened. */
export function isWithoutTable(error: unknown): boolean {
  return error instanceof StoreError && /no such table: (?:main\.)?sluice_/.test(error.message);
}
