/** `sluice check --connect`: tries every part outside that a config names: vector stores, embedders, where logs go. */
import type { Snapshot } from "../config/snapshot.ts";
import type { ProbeResult } from "../plugins/plugin.ts";
import type { Terminal } from "./terminal.ts";

/** Bound on everything together; each part has its own shorter deadlines. */
const deadlineMs = 30_000;

/** Prints what was found, a block for each plugin. Resolves with the number of parts that do not work. */
export async function connect(snapshot: Snapshot, terminal: Terminal): Promise<number> {
  const signal = AbortSignal.timeout(deadlineMs);
  let failed = 0;
  let tried = 0;
  for (const { name, config, plugin } of snapshot.plugins) {
    const results = (await plugin.probe?.(signal)) ?? [];
    if (results.length === 0) continue;
    terminal.out(`\n${name} ${config.instanceName ?? config.id}\n`);
    for (const result of results) terminal.out(`${describe(result)}\n`);
    tried += results.length;
    failed += results.filter(({ error }) => error !== undefined).length;
  }
  terminal.out(
    tried === 0 ? "\nnothing to connect to\n" : `\n${tried - failed} of ${tried} answer as they should\n`,
  );
  return failed;
}

function describe({ component, name, facts, error }: ProbeResult): string {
  const found = Object.entries(facts).map(([fact, value]) => `      ${fact.padEnd(10)}  ${value}`);
  const verdict = error === undefined ? "ok   " : "FAIL ";
  return [
    `  ${verdict} ${component} ${name}`,
    ...found,
    ...(error === undefined ? [] : [`      error       ${error}`]),
  ].join("\n");
}
