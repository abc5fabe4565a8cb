/** What a command may use of the process; tests hand in their own. */
import type { LineWriter } from "../telemetry/sinks.ts";

export interface Terminal {
  readonly out: (text: string) => void;
  /** The same output, for writers that want to know when it has been taken. */
  readonly lines: LineWriter;
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isTerminal: boolean;
}

/** A command's exit code: 0 well, 1 the work failed, 2 wrong usage. */
export type ExitCode = 0 | 1 | 2;

/** Wrong usage; the message says what would be right. */
export class UsageError extends Error {}

/** Columns of equal width; numbers of a column marked `right` end in one line. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  return rows
    .map((row) =>
      row
        .map((cell, at) =>
          right.includes(at) ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
