/** What was measured of the stores, as Markdown. */
import { cell, marked, medianOf, type Round, ratioOf, table, type Watched } from "../measuring/rounds.ts";
import type { DecisionRound, Decisions } from "./decisions.ts";
import type { SearchCase, Searches } from "./searches.ts";
import type { Start } from "./starts.ts";

/** Names of the sides in the order of the rows; `base` is what the others are compared with. */
export interface ReportSides {
  readonly names: readonly string[];
  readonly base: string;
}

export function decisionTable(
  rounds: readonly DecisionRound[],
  groupCounts: readonly number[],
  { names, base }: ReportSides,
): string {
  const rows = groupCounts.flatMap((groups) => {
    const own = rounds.map((round): Round<Decisions & Watched> => round.get(groups) ?? new Map());
    const value = (side: string, read: (decisions: Decisions) => number) => cell(medianOf(own, side, read));
    const ratio = (side: string, read: (decisions: Decisions) => number) =>
      cell(ratioOf(own, { side, base }, read));
    return names.map((side) => [
      marked(own, side),
      `${groups}`,
      value(side, ({ unseen }) => unseen.p50Us),
      value(side, ({ unseen }) => unseen.p99Us),
      ratio(side, ({ unseen }) => unseen.p50Us),
      value(side, ({ cached }) => cached.p50Us),
      value(side, ({ cached }) => cached.p99Us),
      ratio(side, ({ cached }) => cached.p50Us),
    ]);
  });
  const heads = ["store", "groups", "unseen prompt: p50 µs", "p99 µs", `p50 × ${base}`];
  return table([...heads, "cached prompt: p50 µs", "p99 µs", `p50 × ${base}`], rows);
}

/** One case of searching, and its rounds. */
export interface SearchResult extends SearchCase {
  readonly rounds: readonly Round<Searches & Watched>[];
}

export function searchTable(results: readonly SearchResult[], { names, base }: ReportSides): string {
  const rows = results.flatMap(({ items, dimensions, rounds }) =>
    names.map((side) => {
      const value = (read: (searches: Searches) => number) => cell(medianOf(rounds, side, read));
      return [
        marked(rounds, side),
        `${dimensions}`,
        `${items}`,
        value(({ alone }) => alone.p50Us),
        value(({ alone }) => alone.p99Us),
        cell(ratioOf(rounds, { side, base }, ({ alone }) => alone.p50Us)),
        value(({ alone }) => alone.cpuUs),
        value(({ together }) => together.p50Us / 1000),
        value(({ together }) => together.p99Us / 1000),
        value(({ together }) => together.perSecond),
        value(({ together }) => together.cpuUs),
      ];
    }),
  );
  const heads = ["store", "numbers", "items", "p50 µs", "p99 µs", `p50 × ${base}`, "our CPU µs"];
  return table([...heads, "50 at once: p50 ms", "p99 ms", "searches/s", "our CPU µs"], rows);
}

/** A number of vectors at start, and its rounds. */
export interface StartResult {
  readonly count: number;
  readonly rounds: readonly Round<Start & Watched>[];
}

export function startTable(results: readonly StartResult[], { names }: ReportSides): string {
  const rows = results.flatMap(({ count, rounds }) =>
    names.map((side) => [
      marked(rounds, side),
      `${count}`,
      cell(medianOf(rounds, side, ({ writeMs }) => writeMs)),
      cell(medianOf(rounds, side, ({ readMs }) => readMs)),
    ]),
  );
  return table(["store", "vectors", "writing, ms", "reading back, ms"], rows);
}
