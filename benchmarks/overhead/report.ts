/** The measured windows as Markdown tables: medians with ranges, and ratios taken inside each round. */
import { type Spread, spreadOf } from "../statistics.ts";
import type { Scenario } from "./scenarios.ts";
import type { Window } from "./window.ts";

/** One turn of every side, in which they can be compared. */
export type Round = ReadonlyMap<string, Window>;

export interface ScenarioResult {
  readonly scenario: Scenario;
  readonly rounds: readonly Round[];
}

export interface ReportNames {
  /** Every side, in the order of the rows. */
  readonly sides: readonly string[];
  readonly direct: string;
  readonly nginx: string | undefined;
  readonly peer: string | undefined;
}

/** Above it a window tells of other programs rather than of the side. */
export const noisyShare = 0.05;
/** Windows that a row needs to leave the noisy ones out. */
const enoughQuiet = 3;

export function scenarioTable({ scenario, rounds }: ScenarioResult, names: ReportNames): string {
  const columns = columnsOf(scenario, names);
  const lines = names.sides.map((side) => {
    const chosen = usableRounds(rounds, [side]);
    const mark = chosen.length < enoughQuiet || chosen.some((round) => isNoisy(round.get(side))) ? " *" : "";
    const cells = columns.map((column) => column.cell(side, rounds));
    return `| ${side}${mark} | ${cells.join(" | ")} |`;
  });
  return [
    `### ${scenario.title}`,
    "",
    `| side | ${columns.map((column) => column.head).join(" | ")} |`,
    `|---|${columns.map(() => "---:").join("|")}|`,
    ...lines,
    "",
  ].join("\n");
}

interface Column {
  readonly head: string;
  cell(side: string, rounds: readonly Round[]): string;
}

function columnsOf({ shows }: Scenario, names: ReportNames): readonly Column[] {
  const rate = value("requests/s", (window) => window.rate, 0);
  const cpu = value("CPU µs/request", (window) => window.cpuPerAnswer, 1);
  if (shows === "latency") {
    return [
      value("p50 ms", (window) => window.p50, 3),
      value("p99 ms", (window) => window.p99, 2),
      added("added p50 ms", (window) => window.p50, names.direct, 3),
      added("added p99 ms", (window) => window.p99, names.direct, 2),
      cpu,
    ];
  }
  if (shows === "slow stream") {
    // Chunks come at the upstream's pace, so a rate would say nothing.
    return [
      value("first byte p50 ms", (window) => window.firstByteP50, 2),
      value("first byte p99 ms", (window) => window.firstByteP99, 2),
      added("added p50 ms", (window) => window.firstByteP50, names.direct, 2),
      added("added p99 ms", (window) => window.firstByteP99, names.direct, 2),
      value("CPU µs/chunk", (window) => window.cpuPerChunk, 1),
      ...savings((window) => window.cpuPerChunk, names),
    ];
  }
  if (shows === "stream") {
    return [
      value("first byte p50 ms", (window) => window.firstByteP50, 2),
      value("first byte p99 ms", (window) => window.firstByteP99, 2),
      value("chunks/s", (window) => window.chunkRate, 0),
      ...ratios((window) => window.chunkRate, names),
      value("CPU µs/chunk", (window) => window.cpuPerChunk, 1),
      ...savings((window) => window.cpuPerChunk, names),
      value("load core", (window) => window.loadShare, 2),
    ];
  }
  return [
    rate,
    ...ratios((window) => window.rate, names),
    cpu,
    ...savings((window) => window.cpuPerAnswer, names),
    value("p50 ms", (window) => window.p50, 2),
    value("p99 ms", (window) => window.p99, 2),
    value("load core", (window) => window.loadShare, 2),
  ];
}

type Read = (window: Window) => number | undefined;

function value(head: string, read: Read, digits: number): Column {
  return {
    head,
    cell: (side, rounds) =>
      show(spreadOf(usableRounds(rounds, [side]).flatMap((round) => present(round.get(side), read))), digits),
  };
}

/** The side's value less that of another side in the same round. */
function added(head: string, read: Read, base: string, digits: number): Column {
  return {
    head,
    cell: (side, rounds) =>
      show(
        compared(rounds, side, base, read, (own, other) => own - other),
        digits,
      ),
  };
}

/** How many times as much it gets done as the others, by what it gets done in a second. */
function ratios(read: Read, names: ReportNames): readonly Column[] {
  return comparisons(names, "× ", read, (own, other) => own / other);
}

/** The same by the CPU time it takes: holds where neither side could fill its core. */
function savings(read: Read, names: ReportNames): readonly Column[] {
  return comparisons(names, "CPU × ", read, (own, other) => other / own);
}

function comparisons(
  { peer, nginx }: ReportNames,
  prefix: string,
  read: Read,
  compare: (own: number, other: number) => number,
): readonly Column[] {
  const bases = [
    { head: `${prefix}Portkey`, base: peer },
    { head: `${prefix}nginx`, base: nginx },
  ];
  return bases.flatMap(({ head, base }) =>
    base === undefined
      ? []
      : [
          {
            head,
            cell: (side: string, rounds: readonly Round[]) =>
              show(compared(rounds, side, base, read, compare), 2),
          },
        ],
  );
}

function compared(
  rounds: readonly Round[],
  side: string,
  base: string,
  read: Read,
  compare: (own: number, other: number) => number,
): Spread | undefined {
  if (side === base) return undefined;
  return spreadOf(
    usableRounds(rounds, [side, base]).flatMap((round) => {
      const own = present(round.get(side), read)[0];
      const other = present(round.get(base), read)[0];
      return own === undefined || other === undefined ? [] : [compare(own, other)];
    }),
  );
}

function present(window: Window | undefined, read: Read): number[] {
  const found = window && read(window);
  return found === undefined ? [] : [found];
}

/** The quiet rounds of these sides where there are enough of them, else all. */
function usableRounds(rounds: readonly Round[], sides: readonly string[]): readonly Round[] {
  const quiet = rounds.filter((round) => sides.every((side) => !isNoisy(round.get(side))));
  return quiet.length >= enoughQuiet ? quiet : rounds;
}

function isNoisy(window: Window | undefined): boolean {
  return (window?.foreignShare ?? 0) > noisyShare;
}

function show(spread: Spread | undefined, digits: number): string {
  if (spread === undefined) return "–";
  const text = (number: number) =>
    number.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const { median, min, max } = spread;
  return min === max ? text(median) : `${text(median)} (${text(min)}–${text(max)})`;
}
