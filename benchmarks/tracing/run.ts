/**
 * What tracing costs a gateway: the same one without the plugin, with it where no trace is kept, and where all are, taking
 * turns. Started by `node benchmarks/run.mjs tracing`, from the compiled folder.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../test/support/free-port.ts";
import { choosePinning, describeMachine, pinSelf } from "../machine.ts";
import { note, publish, readRoundOptions } from "../measuring/command-line.ts";
import {
  cell,
  marked,
  medianOf,
  noiseLine,
  type Round,
  ratioOf,
  rotated,
  table,
} from "../measuring/rounds.ts";
import { startChild } from "../overhead/child.ts";
import { scenarios } from "../overhead/scenarios.ts";
import type { Side } from "../overhead/side.ts";
import { startSluice } from "../overhead/sluice.ts";
import { measure, type Window, warmUp } from "../overhead/window.ts";
import { createPrompts } from "../prompts.ts";
import { type Spread, spreadOf } from "../statistics.ts";

const home = fileURLToPath(new URL("../../", import.meta.url));
const off = "off";

const options = readRoundOptions(process.argv.slice(2));
const pinning = choosePinning();
if (pinning !== undefined) pinSelf(pinning.loadCores);
publish(await run(), options);

async function run(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-tracing-"));
  const prompts = createPrompts(256);
  const upstreamPort = await freePort();
  const collector = await startCollector();
  const started: { stop(): Promise<void> }[] = [collector];
  try {
    const upstream = await startChild({
      name: "the upstream",
      command: process.execPath,
      args: [
        fileURLToPath(new URL("../overhead/upstream-process.js", import.meta.url)),
        String(upstreamPort),
      ],
      cores: pinning?.loadCores,
      port: upstreamPort,
      output: join(folder, "upstream.log"),
      errors: join(folder, "upstream.log"),
    });
    started.push(upstream);
    const sides: Side[] = [];
    for (const [label, plugins] of Object.entries(variants(collector.url))) {
      const side = await startSluice({ upstreamPort, folder, pinning }, "round-robin", {
        home,
        label,
        plugins,
      });
      started.push(side);
      sides.push({ ...side, name: label });
    }
    const [scenario] = scenarios;
    if (scenario === undefined) throw new Error("there is no scenario");
    for (const side of sides) {
      note(`warming up: ${side.name}`);
      await warmUp(side, scenario, prompts);
    }
    const rounds: Round<Window>[] = [];
    for (let index = 0; index < options.rounds; index++) {
      note(`round ${index + 1} of ${options.rounds}`);
      const round = new Map<string, Window>();
      for (const side of rotated(sides, index))
        round.set(
          side.name,
          await measure(side, scenario, {
            prompts,
            seconds: options.forMs / 1000,
            upstreamPid: upstream.pid,
          }),
        );
      rounds.push(round);
    }
    return report(
      rounds,
      sides.map(({ name }) => name),
      collector.received(),
    );
  } finally {
    for (const each of started.reverse()) await each.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function variants(url: string): Readonly<Record<string, readonly unknown[]>> {
  const tracing = (rate: number) => [
    { name: "opentelemetry", config: { traces_endpoint: url, sampling_rate: rate } },
  ];
  return { [off]: [], "on, none kept": tracing(0), "on, all kept": tracing(1) };
}

/** Takes every batch, and looks at none. */
async function startCollector() {
  let bytes = 0;
  const server = createServer((request, response) => {
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.on("end", () => response.end());
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${port}/v1/traces`,
    received: () => bytes,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function report(rounds: readonly Round<Window>[], sides: readonly string[], bytes: number): string {
  const cpu = ({ cpuPerAnswer }: Window) => cpuPerAnswer;
  return [
    `${new Date().toISOString().slice(0, 10)} · ${describeMachine()}`,
    "",
    `${options.rounds} rounds of ${options.forMs} ms, sides taking turns, 64 connections; medians (min–max). ` +
      `The collector was sent ${Math.round(bytes / 1e6)} MB.`,
    noiseLine(rounds.flatMap((round) => [...round.values()])),
    "",
    table(
      ["tracing", "CPU for an answer, µs", "added, µs", "× off", "answers/s"],
      sides.map((side) => [
        marked(rounds, side),
        cell(medianOf(rounds, side, cpu)),
        cell(addedTo(rounds, side)),
        cell(ratioOf(rounds, { side, base: off }, cpu)),
        cell(medianOf(rounds, side, ({ rate }) => rate)),
      ]),
    ),
  ].join("\n");
}

/** In the same round. */
function addedTo(rounds: readonly Round<Window>[], side: string): Spread | undefined {
  if (side === off) return undefined;
  return spreadOf(
    rounds.flatMap((round) => {
      const [own, base] = [round.get(side)?.cpuPerAnswer, round.get(off)?.cpuPerAnswer];
      return own === undefined || base === undefined ? [] : [own - base];
    }),
  );
}
