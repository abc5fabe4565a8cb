/** Has the plugins of a config explain a request, and answers `POST /explain` with what they say. */
import type { RunningPlugin } from "../config/snapshot.ts";
import { GatewayError } from "../errors.ts";
import { readBody } from "../http/body.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Reply } from "../http/reply.ts";
import type { Explanation } from "../plugins/plugin.ts";
import { withDeadline } from "../util/deadline.ts";
import type { Schedule } from "../util/schedule.ts";
import { jsonReply } from "./pages.ts";
import { parseQuestion, type Question } from "./question.ts";

export interface Explained extends Explanation {
  /** The worker that decided, where there are several. `targets` are as all of them see them. */
  readonly worker?: number;
}

export interface Answer {
  /** One for each plugin that was asked; empty where the question names none that there is. */
  readonly explanations: readonly Explained[];
  /** `instance_name` or id of each plugin that can be asked. */
  readonly plugins: readonly string[];
}

/** Throws `cannot_explain` while nothing serves. */
export type Explain = (question: Question, signal: AbortSignal) => Promise<Answer>;

/** For embedding the prompt, which has a shorter deadline of its own, on a machine that is busy. */
export const explainTimeoutMs = 10_000;

/** Bytes of a question; a choice: a megabyte is more text than models take. */
export const maxQuestionSize = 1024 * 1024;

/** Asks the plugins one after another, which takes as long as embedding the prompt once. */
export async function explainBy(
  running: readonly RunningPlugin[],
  { body, headers, plugin: wanted }: Question,
  signal: AbortSignal,
): Promise<Answer> {
  const explanations: Explanation[] = [];
  for (const { plugin } of askedOf(running, wanted)) {
    const explanation = await plugin.explain?.({ body, headers }, signal);
    if (explanation !== undefined) explanations.push(explanation);
  }
  return { explanations, plugins: ableOf(running).map(nameOf) };
}

/** Whom a question is for: who has that `instance_name` or id, or all that choose a target. */
export function askedOf(
  running: readonly RunningPlugin[],
  wanted: string | undefined,
): readonly RunningPlugin[] {
  const able = ableOf(running);
  return wanted === undefined
    ? able
    : able.filter(({ config: { instanceName, id } }) => instanceName === wanted || id === wanted);
}

function ableOf(running: readonly RunningPlugin[]): readonly RunningPlugin[] {
  return running.filter(({ plugin }) => plugin.explain !== undefined);
}

function nameOf({ config: { instanceName, id } }: RunningPlugin): string {
  return instanceName ?? id;
}

/** Why an answer has no explanation, and which name would have one. */
export function whyNone({ plugins }: Answer, wanted: string | undefined): string {
  return plugins.length === 0
    ? "no plugin of this config chooses a target"
    : `no plugin is called "${wanted}"; there are: ${plugins.join(", ")}`;
}

/** Answers 400, 404, 413, 503 or 504 by throwing their `GatewayError`. */
export async function explainPage(exchange: Exchange, explain: Explain, schedule: Schedule): Promise<Reply> {
  const question = parseQuestion((await readQuestion(exchange)).toString("utf8"));
  const answer = await withDeadline(
    {
      signal: exchange.signal,
      timeoutMs: explainTimeoutMs,
      schedule,
      timedOut: () => new GatewayError("explain_timeout", { seconds: explainTimeoutMs / 1000 }),
      left: () => exchange.signal.reason as Error, // the listener aborts with an error
    },
    (signal) => explain(question, signal),
  );
  if (answer.explanations.length === 0)
    throw new GatewayError("no_plugin", { reason: whyNone(answer, question.plugin) });
  return jsonReply(200, { explanations: answer.explanations });
}

async function readQuestion({ request: { body, headers } }: Exchange): Promise<Buffer> {
  try {
    return await readBody(body, maxQuestionSize, headers["content-length"] as string | undefined); // node gives one
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== "body_too_large") throw error;
    throw new GatewayError("question_too_large", { limit: maxQuestionSize }, { cause: error });
  }
}
