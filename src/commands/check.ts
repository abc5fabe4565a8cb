/** `sluice check`: everything wrong with a config file, or what would run. */

import type { Config, PluginScope, RouteConfig } from "../config/config.ts";
import type { ScopedPlugin } from "../config/plugin-chains.ts";
import { formatProblem } from "../config/problem.ts";
import { createSnapshot, type RoutePlan, type Snapshot } from "../config/snapshot.ts";
import type { Command } from "./command.ts";
import { type ConfigFile, configPath, readConfigFile } from "./config-file.ts";
import { connect } from "./connect.ts";
import { createRuntime, terminalLog } from "./runtime.ts";
import type { Terminal } from "./terminal.ts";

const usage = "check FILE [--connect]";

export const check: Command = {
  name: "check",
  usage,
  summary: "Check a config file: all errors at once, or what would run.",
  maxWords: 1,
  flags: [
    { name: "config", short: "c", type: "string", value: "FILE", help: "the same as FILE" },
    { name: "connect", type: "boolean", help: "also try every store, embedder and log it names" },
  ],
  async run({ flags, positionals }, terminal) {
    const file = readConfigFile(configPath(flags["config"], positionals[0], usage), terminal.env, {
      withReview: true,
    });
    for (const problem of file.problems) terminal.out(`${formatProblem(problem)}\n`);
    const failed = await describe(file, terminal, flags["connect"] === true);
    return failed === 0 ? 0 : 1;
  },
};

/** Resolves with the number of outside parts that were tried and do not work. */
async function describe(file: ConfigFile, terminal: Terminal, withConnect: boolean): Promise<number> {
  const { problems } = file;
  const runtime = createRuntime(terminalLog(terminal, "error", true), terminal.env, { purpose: "look" });
  const snapshot = createSnapshot(file.config, runtime);
  const lines = summary(file.config, snapshot);
  const warnings = problems.filter((problem) => problem.severity === "warning").length;
  const notices = problems.length - warnings;
  terminal.out(
    `${file.path}: ok (${count(warnings, "warning")}, ${count(notices, "notice")})\n${lines.join("\n")}\n`,
  );
  const failed = withConnect ? await connect(snapshot, terminal) : 0;
  for (const { upstream } of snapshot.upstreams) upstream.close();
  await Promise.all(snapshot.plugins.map(({ plugin }) => plugin.close?.()));
  await runtime.close();
  return failed;
}

function summary(config: Config, snapshot: Snapshot): readonly string[] {
  if (config.routes.length === 0) return ["  no routes: every request gets 404"];
  return config.routes.flatMap((route) => routeLines(route, snapshot, config));
}

function routeLines(route: RouteConfig, { plans, plugins }: Snapshot, config: Config): readonly string[] {
  const plan = plans.get(route.id);
  const where = [...(route.methods ?? []), ...(route.hosts ?? []), ...(route.paths ?? [])].join(" ");
  const running = (plan?.plugins ?? []).flatMap((each) => plugins.filter(({ plugin }) => plugin === each));
  return [
    `  route ${route.name ?? route.id}  ${where}${running.length === 0 ? serviceOf(plan) : ""}`,
    ...(plan?.upstream === undefined || running.length > 0 ? [] : [`    ${plan.upstream.describe()}`]),
    ...running.flatMap((entry) => pluginLines(entry, "")),
    ...(plan?.callers?.conditional ?? []).flatMap((entry) =>
      pluginLines(entry, `, for ${callerOf(entry.config.scope, config)}`),
    ),
  ];
}

function serviceOf(plan: RoutePlan | undefined): string {
  const { service, upstream } = plan ?? {};
  if (service === undefined) return "";
  const host = upstream === undefined ? `${service.host}:${service.port}` : service.host;
  return ` → ${service.protocol}://${host}${service.path ?? ""}`;
}

function pluginLines({ name, plugin }: ScopedPlugin, whom: string): readonly string[] {
  return [`    ${name}${whom}`, ...(plugin.describe?.() ?? []).map((line) => `      ${line}`)];
}

function callerOf(scope: PluginScope, { consumerGroups, consumers }: Config): string {
  const group = consumerGroups.find(({ id }) => id === scope.consumerGroup);
  if (group !== undefined) return `group ${group.name}`;
  const consumer = consumers.find(({ id }) => id === scope.consumer);
  return `consumer ${consumer?.username ?? consumer?.customId}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
