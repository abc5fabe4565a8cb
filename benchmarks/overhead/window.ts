/** One measurement: one side, one scenario, some seconds. */
import { setTimeout as sleep } from "node:timers/promises";
import { cpuMicros, machineTime } from "../machine.ts";
import { percentile } from "../statistics.ts";
import { startLoad } from "./load.ts";
import { chunksPerStream, requestsOf, type Scenario, slowStreamMs } from "./scenarios.ts";
import type { Side } from "./side.ts";

export interface Window {
  /** Answers per second. */
  readonly rate: number;
  /** Chunks of content per second; 0 for whole answers. */
  readonly chunkRate: number;
  /** CPU time of the side for one answer, and for one chunk of content; undefined where it cannot be read. */
  readonly cpuPerAnswer: number | undefined;
  readonly cpuPerChunk: number | undefined;
  /** Milliseconds from the request's write to the last byte of the answer … */
  readonly p50: number;
  readonly p99: number;
  /** … and to the first byte of its body. */
  readonly firstByteP50: number;
  readonly firstByteP99: number;
  /** Share of one core that the load generator and the upstream used: near 1 they are the limit, not the side. */
  readonly loadShare: number | undefined;
  /** Share of the machine that neither idled nor worked for the benchmark: other programs, and time stolen by the host. */
  readonly foreignShare: number | undefined;
}

/** Not counted: connections open, and whatever the last side left behind settles. */
const rampMs = 300;
/** The longest a side is warmed up for one scenario. */
const warmUpLimitMs = 60_000;

export interface WindowOptions {
  readonly prompts: readonly string[];
  readonly seconds: number;
  readonly upstreamPid: number;
}

export async function measure(
  side: Side,
  scenario: Scenario,
  { prompts, seconds, upstreamPid }: WindowOptions,
): Promise<Window> {
  const load = startLoad(loadOptions(side, scenario, prompts));
  try {
    await sleep(rampMs);
    const before = readClocks(side, upstreamPid);
    load.mark();
    await sleep(seconds * 1000);
    const sample = load.take();
    const after = readClocks(side, upstreamPid);
    const cpu = difference(after.side, before.side);
    const chunks = scenario.stream ? sample.answersWorth * chunksPerStream : 0;
    const generator = difference(after.load, before.load);
    return {
      rate: sample.answers / sample.seconds,
      chunkRate: chunks / sample.seconds,
      cpuPerAnswer: side.pids.length === 0 ? undefined : cpu && cpu / sample.answers,
      cpuPerChunk: side.pids.length === 0 || chunks === 0 ? undefined : cpu && cpu / chunks,
      p50: percentile(sample.latenciesMs, 0.5),
      p99: percentile(sample.latenciesMs, 0.99),
      firstByteP50: percentile(sample.firstBytesMs, 0.5),
      firstByteP99: percentile(sample.firstBytesMs, 0.99),
      loadShare: generator && generator / (sample.seconds * 1e6),
      foreignShare: foreignShare(before, after),
    };
  } finally {
    await load.stop();
    side.tidy?.();
  }
}

/** Runs a scenario until the side has given its answers, or the time is up. */
export async function warmUp(side: Side, scenario: Scenario, prompts: readonly string[]): Promise<void> {
  const load = startLoad(loadOptions(side, scenario, prompts));
  const deadline = performance.now() + warmUpLimitMs;
  try {
    while (load.answers < scenario.warmUpAnswers && performance.now() < deadline) await sleep(50);
    load.take();
  } finally {
    await load.stop();
    side.tidy?.();
  }
}

function loadOptions(side: Side, scenario: Scenario, prompts: readonly string[]) {
  return {
    port: side.port,
    connections: scenario.connections,
    requests: requestsOf(scenario, prompts.slice(0, side.promptCount), side),
    // Streams of equal length would otherwise begin together for ever, and wait for each other.
    spreadMs: scenario.slow ? slowStreamMs : 0,
    endsWith: scenario.stream ? "[DONE]" : undefined,
  };
}

interface Clocks {
  readonly side: number | undefined;
  readonly load: number | undefined;
  readonly machine: ReturnType<typeof machineTime>;
}

function readClocks(side: Side, upstreamPid: number): Clocks {
  return { side: cpuMicros(side.pids), load: cpuMicros([process.pid, upstreamPid]), machine: machineTime() };
}

function difference(after: number | undefined, before: number | undefined): number | undefined {
  return after === undefined || before === undefined ? undefined : after - before;
}

function foreignShare(before: Clocks, after: Clocks): number | undefined {
  const ours = difference(after.side, before.side);
  const load = difference(after.load, before.load);
  if (ours === undefined || load === undefined || before.machine === undefined || after.machine === undefined)
    return undefined;
  const busy = after.machine.busy - before.machine.busy;
  const stolen = after.machine.stolen - before.machine.stolen;
  return Math.max(0, busy + stolen - ours - load) / (after.machine.total - before.machine.total);
}
