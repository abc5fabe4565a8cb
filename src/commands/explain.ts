/** `sluice explain`: where a prompt would go, and why. Sends nothing to a model. */
import { type Answer, askedOf, type Explained, explainBy, whyNone } from "../admin/explain.ts";
import { createQuestion, type Question } from "../admin/question.ts";
import { createSnapshot } from "../config/snapshot.ts";
import { askAdmin } from "./ask-admin.ts";
import type { Command, Invocation } from "./command.ts";
import { configPath, readConfigFile } from "./config-file.ts";
import { decisionInWords, targetsInWords } from "./explanation-words.ts";
import { readRunFile } from "./run-file.ts";
import { createRuntime, terminalLog } from "./runtime.ts";
import { readSettings } from "./settings.ts";
import { type Terminal, UsageError } from "./terminal.ts";

const usage = 'explain "PROMPT" [-c FILE]';
/** For embedding the descriptions and the prompt; a running gateway, which has them embedded, takes 10 s at most. */
const deadlineMs = 30_000;

export const explain: Command = {
  name: "explain",
  usage,
  summary: "Show where a prompt would go: candidates, distances, threshold, margin, target, why.",
  settings: ["prefix", "admin-token"],
  flags: [
    {
      name: "config",
      short: "c",
      type: "string",
      value: "FILE",
      help: "decide from this file; left out, the running gateway is asked",
    },
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
    const question = questionOf(invocation);
    const isLive = invocation.flags["config"] === undefined;
    const decide = isLive ? askGateway : decideFromFile;
    const explanations = await decide(question, invocation.flags, terminal);
    if (invocation.flags["json"] === true) {
      terminal.out(
        `${JSON.stringify(explanations.length === 1 ? explanations[0] : explanations, null, 2)}\n`,
      );
    } else {
      for (const each of explanations) terminal.out(inWords(each, explanations.length > 1, isLive));
    }
    return explanations.some(({ target }) => target === undefined) ? 1 : 0;
  },
};

function questionOf({ positionals: [prompt, ...rest], flags: { model, plugin } }: Invocation): Question {
  if (prompt === undefined || rest.length > 0)
    throw new UsageError(`one prompt, in quotes. Usage: sluice ${usage}`);
  return createQuestion({
    prompt,
    model: typeof model === "string" ? model : undefined,
    plugin: typeof plugin === "string" ? plugin : undefined,
  });
}

/**
 * From a file the table of targets is left out: nothing has happened to them, so that every row would say the same, and
 * their weights are in the file. JSON has it all the same.
 */
function inWords(explanation: Explained, isOneOfSeveral: boolean, isLive: boolean): string {
  const decision = `${decisionInWords(explanation, isOneOfSeveral)}\n`;
  return isLive ? `${decision}${targetsInWords(explanation.targets)}\n` : decision;
}

type Flags = Invocation["flags"];

/** What the gateway would do that runs now, found as `sluice reload` finds it. */
async function askGateway(
  question: Question,
  flags: Flags,
  terminal: Terminal,
): Promise<Answer["explanations"]> {
  const settings = readSettings(flags, terminal.env, terminal.isTerminal);
  const running = readRunFile(
    settings.prefix,
    "start one, give the --prefix of one that runs, or a file to decide from with -c FILE",
  );
  if (running.admin === undefined)
    throw new Error(
      `process ${running.pid} has no admin listener to be asked at: start it with one (--admin-listen), or give a file to decide from with -c FILE`,
    );
  const { body, status } = await askAdmin({
    running,
    settings,
    path: "/explain",
    body: question,
    deadlineMs,
  });
  const content = body as Answer & { readonly message: string }; // our own admin listener answers so
  if (status === 404) throw new UsageError(content.message);
  if (status !== 200) throw new Error(content.message);
  return content.explanations;
}

/** What a gateway would do that has just started with this file. */
async function decideFromFile(
  question: Question,
  flags: Flags,
  terminal: Terminal,
): Promise<Answer["explanations"]> {
  const file = readConfigFile(configPath(flags["config"], undefined, usage), terminal.env);
  const runtime = createRuntime(terminalLog(terminal, "warn", true), terminal.env, { purpose: "look" });
  const { plugins } = createSnapshot(file.config, runtime);
  const signal = AbortSignal.timeout(deadlineMs);
  try {
    for (const { plugin } of askedOf(plugins, question.plugin)) await plugin.start?.(signal);
    const answer = await explainBy(plugins, question, signal);
    if (answer.explanations.length === 0) throw new UsageError(whyNone(answer, question.plugin));
    return answer.explanations;
  } finally {
    await Promise.all(plugins.map(({ plugin }) => plugin.close?.()));
    await runtime.close();
  }
}
