/** Values of a row as the server sent them, each checked for its type: somebody may have changed the tables. */

export type Row = Readonly<Record<string, unknown>>;

/** What is stored is not as we would have stored it. The message says what, without a place. */
export class WrongDataError extends Error {}

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw wrong(column, "text", value);
  return value;
}

export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== "number" || !Number.isInteger(value)) throw wrong(column, "a whole number", value);
  return value;
}

/** Any number; `double precision` may be NaN. */
export function number(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== "number") throw wrong(column, "a number", value);
  return value;
}

export function flag(row: Row, column: string): boolean {
  const value = row[column];
  if (typeof value !== "boolean") throw wrong(column, "true or false", value);
  return value;
}

export function bytes(row: Row, column: string): Buffer {
  const value = row[column];
  if (!Buffer.isBuffer(value)) throw wrong(column, "bytes", value);
  return value;
}

function wrong(column: string, expected: string, value: unknown): WrongDataError {
  const found = value === null ? "null" : typeof value;
  return new WrongDataError(`the column "${column}" holds ${found} where ${expected} was expected`);
}
