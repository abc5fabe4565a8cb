/** `sluice report`: what was spent, by whom and on what, and what routing saved. Reads the ledger; changes nothing. */
import { exportEntries, exportFormats } from "../ledger/export.ts";
import { findLedgerStore } from "../ledger/index.ts";
import { type Grouping, groupings, type LedgerPeriod, type LedgerStore } from "../ledger/ledger-store.ts";
import { makeReport } from "../ledger/report.ts";
import { systemSchedule } from "../util/schedule.ts";
import type { Command, Invocation } from "./command.ts";
import { parsePeriod } from "./period.ts";
import { reportInWords } from "./report-words.ts";
import { readSettings, SettingError } from "./settings.ts";
import { type Terminal, UsageError } from "./terminal.ts";

/** For everything; each query has the store's own, shorter timeout. */
const deadlineMs = 600_000;

const defaultGroupings: readonly Grouping[] = ["target", "consumer", "route", "day"];

export const report: Command = {
  name: "report",
  usage: "report [--since 7d]",
  summary: "Show what was spent, by target, consumer, route and day, and what routing saved.",
  settings: ["prefix", "ledger", "ledger-password"],
  maxWords: 0,
  flags: [
    {
      name: "since",
      type: "string",
      value: "WHEN",
      help: "30m, 24h, 7d or 2w: so long ago; a date, 2026-11-01 (UTC), or a time, 2026-11-01T12:00Z; all; default 7d",
    },
    { name: "until", type: "string", value: "WHEN", help: "the same; default now" },
    {
      name: "by",
      type: "string",
      value: "LIST",
      help: `of ${groupings.join(", ")}; default ${defaultGroupings.join(",")}`,
    },
    { name: "json", type: "boolean", help: "print JSON" },
    {
      name: "export",
      type: "string",
      value: "FORMAT",
      help: "csv or jsonl: the entries themselves, instead of sums",
    },
  ],
  async run({ flags }, terminal) {
    const period = parsePeriod(flags["since"], flags["until"], Date.now());
    const store = openStore(flags, terminal);
    const signal = AbortSignal.timeout(deadlineMs);
    try {
      const format = flags["export"];
      if (typeof format === "string") await writeEntries(format, { period, store, signal, terminal });
      else await showReport({ flags, period, store, signal, terminal });
      return 0;
    } finally {
      await store.close();
    }
  },
};

type Flags = Invocation["flags"];

function openStore(flags: Flags, terminal: Terminal): LedgerStore {
  const { ledger, prefix } = readSettings(flags, terminal.env, terminal.isTerminal);
  const definition = findLedgerStore(ledger.strategy);
  if (definition === undefined)
    throw new SettingError(
      "the ledger is off: say with --ledger (or SLUICE_LEDGER) where the gateway keeps it",
    );
  const services = { schedule: systemSchedule, prefix };
  const missing = definition.missing?.(ledger, services);
  if (missing !== undefined)
    throw new Error(
      `there is no ledger at ${missing}: start the gateway first, or say with --ledger or --prefix where it keeps its ledger`,
    );
  return definition.create(ledger, services);
}

interface Showing {
  readonly flags: Flags;
  readonly period: LedgerPeriod;
  readonly store: LedgerStore;
  readonly signal: AbortSignal;
  readonly terminal: Terminal;
}

async function showReport({ flags, period, store, signal, terminal }: Showing): Promise<void> {
  const made = await makeReport(store, period, groupingsOf(flags["by"]), signal);
  terminal.out(
    flags["json"] === true ? `${JSON.stringify(made, null, 2)}\n` : reportInWords(made, store.place),
  );
}

function groupingsOf(list: string | boolean | undefined): readonly Grouping[] {
  if (typeof list !== "string") return defaultGroupings;
  return list.split(",").map((name) => {
    const found = groupings.find((grouping) => grouping === name.trim());
    if (found === undefined) throw new UsageError(`--by "${name}" is none of ${groupings.join(", ")}`);
    return found;
  });
}

/** No faster than the output is read. */
async function writeEntries(
  name: string,
  { period, store, signal, terminal }: Omit<Showing, "flags">,
): Promise<void> {
  const format = exportFormats.find((each) => each === name);
  if (format === undefined) throw new UsageError(`--export "${name}" is none of ${exportFormats.join(", ")}`);
  for await (const piece of exportEntries(store.entries(period, signal), format))
    await new Promise<void>((resolve) => terminal.lines.write(piece, () => resolve()));
}
