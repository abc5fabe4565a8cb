/**
 * What the ledger costs: the call that records an entry, on the thread that answers requests, against making its JSON and
 * nothing else; and how many entries each store takes. Started by `node benchmarks/run.mjs ledger`.
 */
import { choosePinning, describeMachine, pinSelf } from "../machine.ts";
import { note, publish, type RoundOptions, readRoundOptions } from "../measuring/command-line.ts";
import {
  cell,
  marked,
  medianOf,
  noiseLine,
  type Round,
  ratioOf,
  table,
  type Watched,
} from "../measuring/rounds.ts";
import { measureInTurn } from "../measuring/turns.ts";
import { createEntries } from "./entries.ts";
import { batchSize, measureRecording, measureWriting, type Recording, type Writing } from "./measures.ts";
import { fileName, type LedgerSide, startSides } from "./sides.ts";

/** The side that makes the JSON of an entry and does nothing with it. */
const jsonName = "JSON alone";

const options = readRoundOptions(process.argv.slice(2));
const pinning = choosePinning();
// What is started now stays on these cores, and we leave them to it.
if (pinning !== undefined) pinSelf(pinning.loadCores);
const { sides, missing } = await startSides();
if (pinning !== undefined) pinSelf([pinning.proxyCore]);
for (const line of missing) note(line);
try {
  publish(await run(sides, options), options);
} finally {
  await Promise.all(sides.map((side) => side.stop()));
}

async function run(all: readonly LedgerSide[], { rounds, forMs }: RoundOptions): Promise<string> {
  const next = createEntries();
  const recordings: Round<Recording & Watched>[] = [];
  const writings: Round<Writing & Watched>[] = [];
  let kept = 0;
  const json = {
    name: jsonName,
    record: (entry: object) => {
      kept += JSON.stringify(entry).length;
    },
    flush: async () => undefined,
  };
  const recorders = [
    json,
    ...all.map(({ name, ledger }) => ({
      name,
      record: ledger.record.bind(ledger),
      flush: () => ledger.flush(),
    })),
  ];
  // Round 0 compiles the code, opens the connections and makes the tables, and is not counted.
  for (let round = 0; round <= rounds; round++) {
    note(round === 0 ? "warming up" : `round ${round} of ${rounds}`);
    const recorded = await measureInTurn(recorders, round, ({ record, flush }) =>
      measureRecording(record, flush, { next, forMs }),
    );
    const written = await measureInTurn(all, round, ({ ledger }) => measureWriting(ledger, { next, forMs }));
    if (round === 0) continue;
    recordings.push(recorded);
    writings.push(written);
  }
  if (kept === 0) throw new Error("no JSON was made");
  const windows = [...recordings, ...writings].flatMap((round): Watched[] => [...round.values()]);
  return [
    `${new Date().toISOString().slice(0, 10)} · ${describeMachine()}`,
    "",
    ...all.map(({ name, server }) => `- ${name}: ${server}`),
    ...missing.map((line) => `- ${line}`),
    "",
    `${rounds} rounds, sides taking turns, ${forMs} ms for each measurement; medians (min–max). ${placed()}`,
    noiseLine(windows),
    "",
    "#### Recording an entry",
    "",
    recordingTable(recordings, [jsonName, ...all.map(({ name }) => name)]),
    `#### Writing batches of ${batchSize}, one after the other`,
    "",
    writingTable(
      writings,
      all.map(({ name }) => name),
    ),
  ].join("\n");
}

function recordingTable(rounds: readonly Round<Recording & Watched>[], names: readonly string[]): string {
  const rows = names.map((side) => [
    marked(rounds, side),
    cell(medianOf(rounds, side, ({ p50Us }) => p50Us)),
    cell(medianOf(rounds, side, ({ p99Us }) => p99Us)),
    cell(ratioOf(rounds, { side, base: jsonName }, ({ p50Us }) => p50Us)),
    cell(medianOf(rounds, side, ({ threadUs }) => threadUs)),
    cell(ratioOf(rounds, { side, base: jsonName }, ({ threadUs }) => threadUs)),
  ]);
  const heads = ["ledger", "call, p50 µs", "p99 µs", `p50 × ${jsonName}`];
  return table([...heads, "thread, µs/entry", `thread × ${jsonName}`], rows);
}

function writingTable(rounds: readonly Round<Writing & Watched>[], names: readonly string[]): string {
  const rows = names.map((side) => [
    marked(rounds, side),
    cell(medianOf(rounds, side, ({ perSecond }) => perSecond)),
    cell(ratioOf(rounds, { side, base: fileName }, ({ perSecond }) => perSecond)),
    cell(medianOf(rounds, side, ({ batchMs }) => batchMs)),
    cell(medianOf(rounds, side, ({ lateMs }) => lateMs)),
  ]);
  return table(["store", "entries/s", `× ${fileName}`, "batch, ms", "timer late, max ms"], rows);
}

function placed(): string {
  if (pinning === undefined) return "Nothing was pinned.";
  return (
    `This process, the file's thread included, on core ${pinning.proxyCore}, ` +
    `the server on core ${pinning.loadCores.join(", ")}.`
  );
}
