/** What was measured of the embedders, as Markdown. */
import type { Calls } from "../measuring/calls.ts";
import {
  cell,
  figure,
  marked,
  medianOf,
  type Round,
  ratioOf,
  table,
  type Watched,
} from "../measuring/rounds.ts";
import type { EmbedderSide } from "./sides.ts";

export interface Embeddings {
  /** One after the other. */
  readonly alone: Calls;
  /** With many under way at a time; undefined for what answers at once. */
  readonly together: Calls | undefined;
}

export type ReportedSide = Pick<EmbedderSide, "name" | "answerLength" | "base">;

export function embedderTable(
  rounds: readonly Round<Embeddings & Watched>[],
  sides: readonly ReportedSide[],
  together: number,
): string {
  const rows = sides.map(({ name, answerLength, base }) => {
    const value = (read: (embeddings: Embeddings) => number | undefined) =>
      cell(medianOf(rounds, name, read));
    const ratio = (read: (embeddings: Embeddings) => number | undefined) =>
      cell(base === undefined ? undefined : ratioOf(rounds, { side: name, base }, read));
    return [
      marked(rounds, name),
      answerLength === undefined ? "–" : figure(answerLength / 1000),
      value(({ alone }) => alone.p50Us),
      value(({ alone }) => alone.p99Us),
      value(({ alone }) => alone.cpuUs),
      ratio(({ alone }) => alone.cpuUs),
      value(({ together }) => together && together.p50Us / 1000),
      value(({ together }) => together && together.p99Us / 1000),
      value(({ together }) => together?.perSecond),
      value(({ together }) => together?.cpuUs),
      ratio(({ together }) => together?.cpuUs),
    ];
  });
  const alone = ["embedder", "answer KB", "p50 µs", "p99 µs", "CPU µs", "× transport"];
  return table([...alone, `${together} at once: p50 ms`, "p99 ms", "calls/s", "CPU µs", "× transport"], rows);
}
