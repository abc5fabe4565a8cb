/**
 * What the vector store costs a routing decision: nothing, since it is made from memory; what asking the store for each
 * request would cost instead; and what it costs at a start. Started by `node benchmarks/run.mjs stores`.
 */
import { choosePinning, describeMachine, pinSelf } from "../machine.ts";
import { note, publish, type RoundOptions, readRoundOptions } from "../measuring/command-line.ts";
import { noiseLine } from "../measuring/rounds.ts";
import { callsBetween } from "./counted.ts";
import { createDecisionBench, type DecisionRound, groupCounts } from "./decisions.ts";
import { decisionTable, type ReportSides, type SearchResult, searchTable, startTable } from "./report.ts";
import { createSearchBench, searchCases, together } from "./searches.ts";
import { memoryName, type StoreSide, startSides, stopSides } from "./sides.ts";
import { measureStarts, startCounts, startDimensions } from "./starts.ts";

const options = readRoundOptions(process.argv.slice(2));
const pinning = choosePinning();
// What is started now stays on these cores, and we leave them to it.
if (pinning !== undefined) pinSelf(pinning.loadCores);
const { sides, missing } = await startSides();
if (pinning !== undefined) pinSelf([pinning.proxyCore]);
for (const line of missing) note(line);
try {
  publish(await run(sides, missing, options), options);
} finally {
  await stopSides(sides);
}

async function run(
  all: readonly StoreSide[],
  absent: readonly string[],
  { rounds, forMs }: RoundOptions,
): Promise<string> {
  const names: ReportSides = { names: all.map(({ name }) => name), base: memoryName };
  const inRounds = async (what: string, measure: (round: number) => Promise<void>) => {
    // Round 0 compiles the code, opens the connections and fills the caches, and is not counted.
    for (let round = 0; round <= rounds; round++) {
      note(`${what}: ${round === 0 ? "warming up" : `round ${round} of ${rounds}`}`);
      await measure(round);
    }
  };
  const decisions = await measureDecisions(all, forMs, inRounds);
  const searches = await measureSearches(all, forMs, inRounds);
  const starts = startCounts.map((count) => ({
    count,
    rounds: [] as Awaited<ReturnType<typeof measureStarts>>[],
  }));
  await inRounds("starts", async (round) => {
    for (const { count, rounds: done } of starts) {
      const measured = await measureStarts(all, count, round);
      if (round > 0) done.push(measured);
    }
  });
  const windows = [
    ...decisions.rounds.flatMap((round) => [...round.values()].flatMap((each) => [...each.values()])),
    ...[...searches, ...starts].flatMap(({ rounds: done }) => done.flatMap((each) => [...each.values()])),
  ];
  return [
    `${new Date().toISOString().slice(0, 10)} · ${describeMachine()}`,
    "",
    ...all.map(({ name, server }) => `- ${name}: ${server}`),
    ...absent.map((line) => `- ${line}`),
    "",
    `${rounds} rounds, stores taking turns, ${forMs} ms for each measurement; medians (min–max). ${placed()}`,
    noiseLine(windows),
    "",
    "### A decision, with its descriptions kept in each store",
    "",
    decisions.asked,
    "",
    decisionTable(decisions.rounds, groupCounts, names),
    `### If each request asked the store: one search, alone and ${together} at once`,
    "",
    searchTable(searches, names),
    `### At a start: vectors of ${startDimensions} numbers`,
    "",
    startTable(starts, names),
  ].join("\n");
}

type InRounds = (what: string, measure: (round: number) => Promise<void>) => Promise<void>;

async function measureDecisions(
  all: readonly StoreSide[],
  forMs: number,
  inRounds: InRounds,
): Promise<{ readonly rounds: readonly DecisionRound[]; readonly asked: string }> {
  const bench = await createDecisionBench(all);
  try {
    const rounds: DecisionRound[] = [];
    const before = bench.storeCalls();
    await inRounds("decisions", async (round) => {
      const measured = await bench.measure(round, forMs);
      if (round > 0) rounds.push(measured);
    });
    const asked = callsBetween(before, bench.storeCalls());
    if (asked.has("search")) throw new Error("a decision asked a store, though its vectors are in memory");
    const made = rounds
      .flatMap((round) => [...round.values()].flatMap((each) => [...each.values()]))
      .reduce((sum, { unseen, cached }) => sum + unseen.count + cached.count, 0);
    const calls = [...asked].map(([method, count]) => `${count} × \`${method}\``).join(", ") || "nothing";
    return {
      rounds,
      asked: `${made.toLocaleString("en-GB")} decisions; meanwhile all stores together were asked for: ${calls}.`,
    };
  } finally {
    await bench.close();
  }
}

async function measureSearches(
  all: readonly StoreSide[],
  forMs: number,
  inRounds: InRounds,
): Promise<readonly SearchResult[]> {
  const bench = await createSearchBench(all);
  const results = searchCases.map((test) => ({
    ...test,
    rounds: [] as Awaited<ReturnType<typeof bench.measure>>[],
  }));
  try {
    await inRounds("searches", async (round) => {
      for (const { rounds: done, ...test } of results) {
        const measured = await bench.measure(test, round, forMs);
        if (round > 0) done.push(measured);
      }
    });
    return results;
  } finally {
    await bench.close();
  }
}

function placed(): string {
  if (pinning === undefined) return "Nothing was pinned.";
  return `This process on core ${pinning.proxyCore}, the servers on core ${pinning.loadCores.join(", ")}.`;
}
