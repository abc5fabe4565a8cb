/**
 * What a gateway adds: the upstream alone, nginx, the TypeScript peer and Sluice, taking turns on one machine.
 * Started by `node benchmarks/run.mjs overhead`, from the compiled folder.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { freePort } from "../../test/support/free-port.ts";
import { choosePinning, describeMachine, pinSelf } from "../machine.ts";
import { createPrompts } from "../prompts.ts";
import { type Child, startChild } from "./child.ts";
import { startNginx } from "./nginx.ts";
import { startPortkey } from "./portkey.ts";
import { noisyShare, type ReportNames, type Round, type ScenarioResult, scenarioTable } from "./report.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import { type Side, type SideContext, usualPromptCount } from "./side.ts";
import { sluiceVariants, startSluice } from "./sluice.ts";
import { measure, warmUp } from "./window.ts";

const usage = `options:
  --rounds N       turns of every side (default 5)
  --seconds N      length of one measurement (default 3)
  --scenarios A,B  only these of ${scenarios.map(({ name }) => name).join(", ")}
  --without A,B    leave out nginx, portkey
  --out FILE       write the report there as well
`;

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly scenarios: readonly Scenario[];
  readonly without: readonly string[];
  readonly out: string | undefined;
}

/** The compiled package that holds this file, and the peer's folder in the sources. */
const home = fileURLToPath(new URL("../../", import.meta.url));
const peerHome = fileURLToPath(new URL("../../../overhead/", import.meta.url));

const options = readOptions();
const pinning = choosePinning();
if (pinning === undefined)
  note("no taskset, or fewer than two cores: nothing is pinned, and sides and load disturb each other");
else pinSelf(pinning.loadCores);
await run(options);

async function run({ rounds, seconds, scenarios: chosen, without, out }: Options): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-overhead-"));
  const prompts = createPrompts(20_000);
  const upstreamPort = await freePort();
  const started: { stop(): Promise<void> }[] = [];
  try {
    const upstream = await startUpstreamProcess(folder, upstreamPort);
    started.push(upstream);
    const { sides, names } = await startSides({ upstreamPort, folder, pinning }, without, (side) =>
      started.push(side),
    );
    const window = { prompts, seconds, upstreamPid: upstream.pid };
    for (const side of sides) {
      note(`warming up: ${side.name}`);
      for (const scenario of chosen) await warmUp(side, scenario, prompts);
    }
    const results: ScenarioResult[] = [];
    for (const scenario of chosen) {
      const done: Round[] = [];
      for (let index = 0; index < rounds; index++) {
        note(`${scenario.name}: round ${index + 1} of ${rounds}`);
        done.push(await measureRound(rotated(sides, index), (side) => measure(side, scenario, window)));
      }
      results.push({ scenario, rounds: done });
    }
    const report = describe(results, names, { rounds, seconds });
    process.stdout.write(report);
    if (out !== undefined) writeFileSync(out, report);
  } finally {
    for (const each of started.reverse()) await each.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function startUpstreamProcess(folder: string, port: number): Promise<Child> {
  return startChild({
    name: "the upstream",
    command: process.execPath,
    args: [fileURLToPath(new URL("upstream-process.js", import.meta.url)), String(port)],
    cores: pinning?.loadCores,
    port,
    output: join(folder, "upstream.log"),
    errors: join(folder, "upstream.log"),
  });
}

async function startSides(
  context: SideContext,
  without: readonly string[],
  onStart: (side: Side) => void,
): Promise<{ readonly sides: readonly Side[]; readonly names: ReportNames }> {
  const direct: Side = {
    name: "direct",
    port: context.upstreamPort,
    headers: {},
    pids: [],
    promptCount: usualPromptCount,
    stop: () => Promise.resolve(),
  };
  const sides = [direct];
  const add = (side: Side) => {
    onStart(side);
    sides.push(side);
    return side.name;
  };
  const nginx = without.includes("nginx") ? undefined : await startNginx(context);
  if (nginx === undefined) note("nginx is left out: it is not on the PATH, or --without names it");
  const nginxName = nginx && add(nginx);
  const peerName = without.includes("portkey") ? undefined : add(await startPortkey(context, peerHome));
  for (const variant of sluiceVariants) add(await startSluice(context, variant, { home }));
  return {
    sides,
    names: { sides: sides.map(({ name }) => name), direct: direct.name, nginx: nginxName, peer: peerName },
  };
}

/** Each round begins with another side, so that none always follows the same neighbour's heat or garbage. */
function rotated(sides: readonly Side[], by: number): readonly Side[] {
  const start = by % sides.length;
  return [...sides.slice(start), ...sides.slice(0, start)];
}

async function measureRound(
  sides: readonly Side[],
  measureSide: (side: Side) => ReturnType<typeof measure>,
): Promise<Round> {
  const round = new Map<string, Awaited<ReturnType<typeof measure>>>();
  for (const side of sides) {
    try {
      round.set(side.name, await measureSide(side));
    } catch (cause) {
      throw new Error(
        `${side.name} cannot be measured: ${cause instanceof Error ? cause.message : String(cause)}`,
        { cause },
      );
    }
  }
  return round;
}

function describe(
  results: readonly ScenarioResult[],
  names: ReportNames,
  { rounds, seconds }: { rounds: number; seconds: number },
): string {
  const placed =
    pinning === undefined
      ? "Nothing was pinned."
      : `Sides on core ${pinning.proxyCore}, load generator and upstream on core ${pinning.loadCores.join(", ")}.`;
  const windows = results.flatMap((result) => result.rounds.flatMap((round) => [...round.values()]));
  const noisy = windows.filter(({ foreignShare }) => (foreignShare ?? 0) > noisyShare).length;
  return [
    `${new Date().toISOString().slice(0, 10)} · ${describeMachine()}`,
    "",
    `${rounds} rounds, sides taking turns, ${seconds} s each; medians (min–max). ${placed}`,
    `${noisy} of ${windows.length} measurements had more than ${noisyShare * 100} % of the machine in other hands; they are left out where three quiet ones remain, else the row bears a *.`,
    "",
    ...results.map((result) => scenarioTable(result, names)),
  ].join("\n");
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "3" },
      scenarios: { type: "string" },
      without: { type: "string", default: "" },
      out: { type: "string" },
    },
  });
  const names = values.scenarios?.split(",");
  const chosen = names === undefined ? scenarios : scenarios.filter(({ name }) => names.includes(name));
  if (names !== undefined && chosen.length !== names.length)
    throw new Error(`unknown scenario in --scenarios ${values.scenarios}\n${usage}`);
  return {
    rounds: wholeNumber(values.rounds, "--rounds"),
    seconds: wholeNumber(values.seconds, "--seconds"),
    scenarios: chosen,
    without: values.without.split(","),
    out: values.out,
  };
}

function wholeNumber(text: string, flag: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text))
    throw new Error(`${flag} takes a whole number from 1 to 9999, not "${text}"\n${usage}`);
  return Number(text);
}

function note(line: string): void {
  process.stderr.write(`${line}\n`);
}
