/** Comma-separated values by RFC 4180. */

export type Cell = string | number | boolean | undefined;

/** One record, with its line break. */
export function csvRecord(cells: readonly Cell[]): string {
  return `${cells.map(written).join(",")}\r\n`;
}

function written(cell: Cell): string {
  if (cell === undefined) return "";
  if (typeof cell !== "string") return String(cell);
  const safe = formula.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/**
 * Spreadsheets run a text that begins like this; with an apostrophe before it they show it (OWASP, "CSV Injection").
 * Numbers of ours are not texts, so that a negative one stays a number.
 */
const formula = /^[=+\-@\t\r]/;
