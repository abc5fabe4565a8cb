/**
 * What a routing decision costs with the embedder in the process: from the request's messages to the chosen target, for
 * prompts never seen before and for prompts whose vector is cached. Started by `node benchmarks/run.mjs decision`.
 */
import { writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import { parseArgs } from "node:util";
import { choosePinning, describeMachine, pinSelf } from "../machine.ts";
import { createPrompts } from "../prompts.ts";
import { percentile, Samples, spreadOf } from "../statistics.ts";
import { createRouter, type Router } from "./balancer.ts";
import { subjects } from "./subjects.ts";

/** Distinct and sent in turn; more than the 8192 the cache of vectors holds, so that none is found there. */
const unseenCount = 20_000;
/** Few enough to stay cached. */
const cachedCount = 256;
const catchall = "CATCHALL";

interface Case {
  readonly name: string;
  readonly router: Router;
  readonly prompts: readonly string[];
  readonly isCached: boolean;
}

interface Result {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  readonly perSecond: number;
  /** How late a timer fires while decisions are made one after the other, in milliseconds. */
  readonly lateP99Ms: number;
  readonly lateMaxMs: number;
}

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, out: { type: "string" } },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error(`--rounds takes a whole number from 1, not "${values.rounds}"`);
const pinning = choosePinning();
if (pinning !== undefined) pinSelf([pinning.proxyCore]);

const report = await run();
process.stdout.write(report);
if (values.out !== undefined) writeFileSync(values.out, report);

async function run(): Promise<string> {
  const cases = await createCases();
  const results = new Map<Case, Result[]>(cases.map((each) => [each, []]));
  // Round 0 compiles the code and fills the caches, and is not counted.
  for (let round = 0; round <= rounds; round++) {
    for (const [each, list] of results) {
      const result = await measure(each);
      if (round > 0) list.push(result);
    }
  }
  const idle = await timerLateness(() => new Promise((resolve) => setTimeout(resolve, 1000)));
  return describe(results, idle);
}

async function createCases(): Promise<readonly Case[]> {
  const unseen = createPrompts(unseenCount);
  const cases: Case[] = [];
  for (const count of [3, 30]) {
    const router = await createRouter([...subjects.slice(0, count - 1), catchall]);
    cases.push({ name: `unseen prompt, ${count} targets`, router, prompts: unseen, isCached: false });
    const cachedRouter = await createRouter([...subjects.slice(0, count - 1), catchall]);
    const cached = Array.from({ length: unseenCount }, (_, index) => unseen[index % cachedCount] ?? "");
    cases.push({
      name: `cached prompt, ${count} targets`,
      router: cachedRouter,
      prompts: cached,
      isCached: true,
    });
    for (const prompt of unseen.slice(0, cachedCount)) cachedRouter.decide(prompt);
  }
  return cases;
}

/** One decision in each turn of the event loop, as requests come. */
async function measure({ router, prompts, isCached }: Case): Promise<Result> {
  const samples = new Samples();
  let total = 0;
  const late = await timerLateness(async () => {
    for (const prompt of prompts) {
      const startedAt = performance.now();
      const decision = router.decide(prompt);
      const us = (performance.now() - startedAt) * 1000;
      if (decision.embedding?.cached !== isCached)
        throw new Error(`a prompt was ${isCached ? "not " : ""}cached`);
      samples.add(us);
      total += us;
      await nextTurn();
    }
  });
  const sorted = samples.sorted();
  return {
    p50Us: percentile(sorted, 0.5),
    p99Us: percentile(sorted, 0.99),
    maxUs: sorted.at(-1) ?? Number.NaN,
    perSecond: prompts.length / (total / 1e6),
    ...late,
  };
}

async function timerLateness(work: () => Promise<unknown>): Promise<Pick<Result, "lateP99Ms" | "lateMaxMs">> {
  const resolution = 1;
  const delay = monitorEventLoopDelay({ resolution });
  delay.enable();
  await work();
  delay.disable();
  const late = (ns: number) => Math.max(0, ns / 1e6 - resolution);
  return { lateP99Ms: late(delay.percentile(99)), lateMaxMs: late(delay.max) };
}

function describe(
  results: ReadonlyMap<Case, readonly Result[]>,
  idle: Pick<Result, "lateP99Ms" | "lateMaxMs">,
): string {
  const rows = [...results].map(([{ name }, list]) => {
    const cell = (read: (result: Result) => number, digits: number) => {
      const spread = spreadOf(list.map(read));
      if (spread === undefined) return "–";
      const text = (value: number) =>
        value.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
      return `${text(spread.median)} (${text(spread.min)}–${text(spread.max)})`;
    };
    const cells = [
      cell((result) => result.p50Us, 1),
      cell((result) => result.p99Us, 1),
      cell((result) => result.maxUs, 0),
      cell((result) => result.perSecond, 0),
      cell((result) => result.lateP99Ms, 2),
      cell((result) => result.lateMaxMs, 2),
    ];
    return `| ${name} | ${cells.join(" | ")} |`;
  });
  const placed = pinning === undefined ? "not pinned" : `on core ${pinning.proxyCore}`;
  return [
    `${new Date().toISOString().slice(0, 10)} · ${describeMachine()}`,
    "",
    `${rounds} rounds of ${unseenCount.toLocaleString("en-GB")} decisions on prompts of 30 words, ${placed}; medians (min–max).`,
    `Timers of an idle process were late by ${idle.lateP99Ms.toFixed(2)} ms (p99), ${idle.lateMaxMs.toFixed(2)} ms at most.`,
    "",
    "| decision | p50 µs | p99 µs | max µs | decisions/s | timer late, p99 ms | timer late, max ms |",
    "|---|---:|---:|---:|---:|---:|---:|",
    ...rows,
    "",
  ].join("\n");
}
