/**
 * What embedding a prompt costs us with each embedder: all of it for the one in the process, our side of the call for
 * those that ask a vendor. Started by `node benchmarks/run.mjs embedders`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createHttpCaller } from "../../src/http/http-caller.ts";
import { freePort } from "../../test/support/free-port.ts";
import { choosePinning, describeMachine, pinSelf } from "../machine.ts";
import { measureCalls } from "../measuring/calls.ts";
import { note, publish, type RoundOptions, readRoundOptions } from "../measuring/command-line.ts";
import { noiseLine, type Round, type Watched } from "../measuring/rounds.ts";
import { measureInTurn } from "../measuring/turns.ts";
import { startChild } from "../overhead/child.ts";
import { createPrompts } from "../prompts.ts";
import { type Embeddings, embedderTable } from "./report.ts";
import { createSides, type EmbedderSide } from "./sides.ts";

/** Distinct and sent to each embedder in turn; far more than its cache holds, so that none is found there. */
const promptCount = 20_000;
const together = 50;

const options = readRoundOptions(process.argv.slice(2));
const pinning = choosePinning();
if (pinning !== undefined) pinSelf([pinning.proxyCore]);
const folder = mkdtempSync(join(tmpdir(), "sluice-embedders-"));
const port = await freePort();
const vendors = await startChild({
  name: "the vendors",
  command: process.execPath,
  args: [fileURLToPath(new URL("vendor-process.js", import.meta.url)), String(port)],
  cores: pinning?.loadCores,
  port,
  output: join(folder, "vendors.log"),
  errors: join(folder, "vendors.log"),
});
const caller = createHttpCaller();
try {
  publish(await run(createSides(`http://127.0.0.1:${port}`, caller.call), options), options);
} finally {
  await caller.close();
  await vendors.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function run(sides: readonly EmbedderSide[], { rounds, forMs }: RoundOptions): Promise<string> {
  const prompts = createPrompts(promptCount);
  const turns = new Map(sides.map((side) => [side, inTurn(prompts)]));
  const done: Round<Embeddings & Watched>[] = [];
  // Round 0 compiles the code and opens the connections, and is not counted.
  for (let round = 0; round <= rounds; round++) {
    note(round === 0 ? "warming up" : `round ${round} of ${rounds}`);
    const measured = await measureInTurn(sides, round, (side) =>
      measure(side, turns.get(side) ?? inTurn(prompts), forMs),
    );
    if (round > 0) done.push(measured);
  }
  const placed =
    pinning === undefined
      ? "Nothing was pinned."
      : `This process on core ${pinning.proxyCore}, the vendors' on core ${pinning.loadCores.join(", ")}.`;
  return [
    `${new Date().toISOString().slice(0, 10)} · ${describeMachine()}`,
    "",
    `${rounds} rounds, embedders taking turns, ${forMs} ms for each measurement; medians (min–max). ${placed}`,
    noiseLine(done.flatMap((round) => [...round.values()])),
    "",
    embedderTable(done, sides, together),
  ].join("\n");
}

function inTurn(prompts: readonly string[]): () => string {
  let next = 0;
  return () => prompts[next++ % prompts.length] ?? "";
}

async function measure(side: EmbedderSide, prompt: () => string, forMs: number): Promise<Embeddings> {
  const embed = () => side.embed(prompt());
  const alone = await measureCalls(embed, { atOnce: 1, forMs });
  // What answers at once has nothing under way.
  const isAtOnce = side.answerLength === undefined;
  return { alone, together: isAtOnce ? undefined : await measureCalls(embed, { atOnce: together, forMs }) };
}
