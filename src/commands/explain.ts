/** `sluice explain`: where a prompt would go, and why. Sends nothing to a model. */

import { createSnapshot, type RunningPlugin } from "../config/snapshot.ts";
import type { RoutingDecision } from "../llm/routing-decision.ts";
import type { Explanation } from "../plugins/plugin.ts";
import type { Command, Invocation } from "./command.ts";
import { configPath, readConfigFile } from "./config-file.ts";
import { createRuntime, terminalLog } from "./runtime.ts";
import { type Terminal, table, UsageError } from "./terminal.ts";

const usage = 'explain "PROMPT" -c FILE';
/** For embedding the descriptions and the prompt. */
const deadlineMs = 30_000;

export const explain: Command = {
  name: "explain",
  usage,
  summary: "Show where a prompt would go: candidates, distances, threshold, margin, target, why.",
  takesSettings: false,
  flags: [
    { name: "config", short: "c", type: "string", value: "FILE", help: "declarative config" },
    { name: "json", type: "boolean", help: "print JSON" },
    {
      name: "plugin",
      type: "string",
      value: "NAME",
      help: "instance_name or id, where several plugins choose targets",
    },
    {
      name: "model",
      type: "string",
      value: "NAME",
      help: "the request's model; left out, the gateway chooses",
    },
  ],
  async run(invocation, terminal) {
    const [prompt, ...rest] = invocation.positionals;
    if (prompt === undefined || rest.length > 0)
      throw new UsageError(`one prompt, in quotes. Usage: sluice ${usage}`);
    const explanations = await explainPrompt(prompt, invocation, terminal);
    if (invocation.flags["json"] === true) {
      terminal.out(
        `${JSON.stringify(explanations.length === 1 ? explanations[0] : explanations, null, 2)}\n`,
      );
    } else {
      for (const explanation of explanations) terminal.out(`${inWords(explanation)}\n`);
    }
    return explanations.some((explanation) => explanation.target === undefined) ? 1 : 0;
  },
};

async function explainPrompt(
  prompt: string,
  { flags }: Invocation,
  terminal: Terminal,
): Promise<readonly Explanation[]> {
  const file = readConfigFile(configPath(flags["config"], undefined, usage), terminal.env);
  const runtime = createRuntime(terminalLog(terminal, "warn", true), terminal.env, { purpose: "look" });
  const snapshot = createSnapshot(file.config, runtime);
  const signal = AbortSignal.timeout(deadlineMs);
  try {
    const model = typeof flags["model"] === "string" ? flags["model"] : undefined;
    const body = { messages: [{ role: "user", content: prompt }], ...(model !== undefined && { model }) };
    const explanations: Explanation[] = [];
    for (const { plugin } of select(snapshot.plugins, flags["plugin"])) {
      await plugin.start?.(signal);
      if (plugin.explain !== undefined)
        explanations.push(await plugin.explain({ body, headers: {} }, signal));
    }
    return explanations;
  } finally {
    await Promise.all(snapshot.plugins.map(({ plugin }) => plugin.close?.()));
    await runtime.close();
  }
}

function select(
  running: readonly RunningPlugin[],
  wanted: string | boolean | undefined,
): readonly RunningPlugin[] {
  const able = running.filter(({ plugin }) => plugin.explain !== undefined);
  const chosen =
    wanted === undefined
      ? able
      : able.filter(({ config }) => config.instanceName === wanted || config.id === wanted);
  if (chosen.length > 0) return chosen;
  const names = able.map(({ config }) => config.instanceName ?? config.id).join(", ");
  throw new UsageError(
    wanted === undefined
      ? "no plugin of this config chooses a target"
      : `no plugin is called "${wanted}"; there are: ${names}`,
  );
}

function inWords({ plugin, algorithm, decision, target, error }: Explanation): string {
  const lines = [`${plugin} (${algorithm})`];
  if (decision !== undefined) lines.push(...decisionLines(decision));
  lines.push(
    target === undefined
      ? `target     none${error === undefined ? "" : `: ${error.status} ${error.message}`}`
      : `target     ${target}`,
  );
  return lines.join("\n");
}

function decisionLines(decision: RoutingDecision): readonly string[] {
  const { groups, threshold, metric, margin, reason, detail, embedding } = decision;
  const rows = groups.map(({ description, targets, distance, within }) => [
    `  ${distance.toFixed(4)}`,
    within ? "within" : "beyond",
    JSON.stringify(description),
    targets.join(", "),
  ]);
  return [
    ...(rows.length > 0 ? ["candidates (distance, nearest first)", table(rows)] : []),
    ...(threshold === undefined ? [] : [`threshold  ${threshold} (${metric})`]),
    ...(margin === undefined ? [] : [`margin     ${margin.toFixed(4)} to the runner-up`]),
    ...(embedding === undefined
      ? []
      : [`embedding  ${embedding.model}, ${embedding.latencyMs.toFixed(2)} ms`]),
    `why        ${reason}: ${detail ?? reasons[reason]}`,
  ];
}

const reasons: Readonly<Record<RoutingDecision["reason"], string>> = {
  matched: "the nearest group is within the threshold",
  catchall: "no group is within the threshold, so CATCHALL takes it",
  fallback: "no embedding could be had",
  no_match: "no group is within the threshold and there is no CATCHALL",
  balanced: "this algorithm does not look at the prompt",
  only: "there is one group to choose from",
};
