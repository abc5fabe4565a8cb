/** Values of rows as either database gives them: 64-bit integers come as numbers or as digits. */

export type Row = Readonly<Record<string, unknown>>;

/** What is stored is not as we would have stored it. The message says what, without a place. */
export class WrongRowError extends Error {}

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw wrong(column, "text", value);
  return value;
}

export function optionalText(row: Row, column: string): string | undefined {
  return isMissing(row, column) ? undefined : text(row, column);
}

/** One of these texts. */
export function oneOf<const Value extends string>(
  row: Row,
  column: string,
  allowed: readonly Value[],
): Value {
  const value = row[column];
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw wrong(column, `one of ${allowed.join(", ")}`, value);
  return found;
}

/** A whole number of at most 53 bits. */
export function whole(row: Row, column: string): number {
  const value = row[column];
  const number = typeof value === "string" && digits.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isSafeInteger(number))
    throw wrong(column, "a whole number", value);
  return number;
}

export function optionalWhole(row: Row, column: string): number | undefined {
  return isMissing(row, column) ? undefined : whole(row, column);
}

/** A whole number of any size, which the database gave as digits. */
export function big(row: Row, column: string): bigint {
  const value = row[column];
  if (typeof value !== "string" || !digits.test(value)) throw wrong(column, "digits", value);
  return BigInt(value);
}

export function optionalNumber(row: Row, column: string): number | undefined {
  const value = row[column];
  if (isMissing(row, column)) return undefined;
  if (typeof value !== "number") throw wrong(column, "a number", value);
  return value;
}

export function flag(row: Row, column: string): boolean {
  return whole(row, column) !== 0;
}

const digits = /^-?\d+$/;

function isMissing(row: Row, column: string): boolean {
  return row[column] === null || row[column] === undefined;
}

function wrong(column: string, expected: string, value: unknown): WrongRowError {
  const found = value === null ? "null" : typeof value;
  return new WrongRowError(`the column "${column}" holds ${found} where ${expected} was expected`);
}
