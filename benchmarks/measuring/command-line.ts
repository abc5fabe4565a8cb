/** The options that benchmarks with rounds share. */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

export interface RoundOptions {
  readonly rounds: number;
  /** Length of one measurement, in milliseconds. */
  readonly forMs: number;
  /** File that the report is written to as well. */
  readonly out: string | undefined;
}

const usage = `options:
  --rounds N   turns of every side (default 5)
  --ms N       length of one measurement in milliseconds (default 200)
  --out FILE   write the report there as well
`;

/** Throws an `Error` that shows the options when one is wrong. */
export function readRoundOptions(args: readonly string[]): RoundOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "5" },
      ms: { type: "string", default: "200" },
      out: { type: "string" },
    },
  });
  return {
    rounds: wholeNumber(values.rounds, "--rounds"),
    forMs: wholeNumber(values.ms, "--ms"),
    out: values.out,
  };
}

/** To standard output, and to the file where one is named. */
export function publish(report: string, { out }: RoundOptions): void {
  process.stdout.write(report);
  if (out !== undefined) writeFileSync(out, report);
}

/** Progress, beside the report. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

function wholeNumber(text: string, flag: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text))
    throw new Error(`${flag} takes a whole number from 1 to 99999, not "${text}"\n${usage}`);
  return Number(text);
}
