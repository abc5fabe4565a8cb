/** `sluice check`: everything wrong with a config file, or what would run. */

import type { Config } from "../config/config.ts";
import { formatProblem } from "../config/problem.ts";
import { createSnapshot, type Snapshot } from "../config/snapshot.ts";
import type { Command } from "./command.ts";
import { type ConfigFile, configPath, readConfigFile } from "./config-file.ts";
import { createRuntime, terminalLog } from "./runtime.ts";
import type { Terminal } from "./terminal.ts";

const usage = "check FILE";

export const check: Command = {
  name: "check",
  usage,
  summary: "Check a config file: all errors at once, or what would run.",
  takesSettings: false,
  flags: [{ name: "config", short: "c", type: "string", value: "FILE", help: "the same as FILE" }],
  async run({ flags, positionals }, terminal) {
    const file = readConfigFile(configPath(flags["config"], positionals[0], usage), terminal.env, {
      withReview: true,
    });
    for (const problem of file.problems) terminal.out(`${formatProblem(problem)}\n`);
    await describe(file, terminal);
    return 0;
  },
};

async function describe(file: ConfigFile, terminal: Terminal): Promise<void> {
  const { problems } = file;
  const runtime = createRuntime(terminalLog(terminal, "error", true));
  const snapshot = createSnapshot(file.config, runtime);
  const lines = summary(file.config, snapshot);
  await Promise.all(snapshot.plugins.map(({ plugin }) => plugin.close?.()));
  await runtime.close();
  const warnings = problems.filter((problem) => problem.severity === "warning").length;
  const notices = problems.length - warnings;
  terminal.out(
    `${file.path}: ok (${count(warnings, "warning")}, ${count(notices, "notice")})\n${lines.join("\n")}\n`,
  );
}

function summary(config: Config, snapshot: Snapshot): readonly string[] {
  if (config.routes.length === 0) return ["  no routes: every request gets 404"];
  return config.routes.flatMap((route) => {
    const plan = snapshot.plans.get(route.id);
    const service = plan?.service;
    const where = [...(route.methods ?? []), ...(route.hosts ?? []), ...(route.paths ?? [])].join(" ");
    const to =
      service === undefined
        ? ""
        : ` → ${service.protocol}://${service.host}:${service.port}${service.path ?? ""}`;
    const names = snapshot.plugins.filter(({ plugin }) => plan?.plugins.includes(plugin) === true);
    return [
      `  route ${route.name ?? route.id}  ${where}${names.length === 0 ? to : ""}`,
      ...names.flatMap(({ name, plugin }) => [
        `    ${name}`,
        ...(plugin.describe?.() ?? []).map((line) => `      ${line}`),
      ]),
    ];
  });
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
