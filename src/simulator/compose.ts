/** What a simulated model answers, before it is put into a vendor's words. The same task gives the same answer. */
import type { JsonObject, JsonValue } from "../llm/json.ts";
import type { Behaviour } from "./behaviour.ts";
import { argumentWords, keywords } from "./text/keywords.ts";
import { answerLength, writeExactly, writeProse } from "./text/prose.ts";
import { hashText, type Random, seededRandom } from "./text/random.ts";
import { schemaExample } from "./text/schema-example.ts";
import { splitTokens } from "./text/tokens.ts";

export interface ToolOffer {
  readonly name: string;
  readonly description: string;
  /** JSON schema of the arguments. */
  readonly parameters: JsonObject;
}

export interface Task {
  /** Texts and numbers that tell this task from others. */
  readonly seeds: readonly (string | number)[];
  /** What the user said last. */
  readonly prompt: string;
  /** Texts that tools have returned since then; empty while it is the user's turn that is answered. */
  readonly toolResults: readonly string[];
  readonly tools: readonly ToolOffer[];
  /** `free`: a call when it is the user's turn; `must`: always a call. */
  readonly toolUse: "none" | "free" | "must";
  /** The only tool allowed. */
  readonly toolName?: string | undefined;
  /** False: one call at most. */
  readonly parallelTools: boolean;
  /** Absent: prose. A schema of undefined: any JSON object. */
  readonly json?: { readonly schema: JsonValue | undefined } | undefined;
  readonly maxTokens: number;
  readonly stops: readonly string[];
  readonly behaviour: Behaviour;
}

export interface ComposedCall {
  readonly name: string;
  /** JSON text in token-like pieces. */
  readonly pieces: readonly string[];
}

export interface Composition {
  /** The text in token-like pieces; empty when tools are called. */
  readonly pieces: readonly string[];
  readonly calls: readonly ComposedCall[];
  readonly ending: "end" | "length" | "stop" | "tools";
  /** The stop sequence that was met. */
  readonly stop?: string;
}

/** The same task gives the same composition. Its tokens never exceed `maxTokens`. */
export function compose(task: Task): Composition {
  const random = seededRandom(hashText(...task.seeds, task.prompt, ...task.toolResults));
  return callsTools(task) ? composeCalls(task, random) : composeText(task, random);
}

/** Tokens of an answer: its text, or the arguments of its calls. */
export function countOutput({
  pieces,
  calls,
}: {
  pieces: readonly string[];
  calls: readonly { pieces: readonly string[] }[];
}): number {
  return calls.reduce((sum, call) => sum + call.pieces.length, pieces.length);
}

function callsTools({ tools, toolUse, toolResults, behaviour }: Task): boolean {
  if (tools.length === 0 || toolUse === "none") return false;
  return toolUse === "must" || (toolResults.length === 0 && behaviour.content === undefined);
}

function composeCalls(task: Task, random: Random): Composition {
  let left = task.maxTokens;
  const calls: ComposedCall[] = [];
  for (const tool of chooseTools(task, random)) {
    const text = JSON.stringify(schemaExample(tool.parameters, argumentWords(task.prompt)));
    const all = splitTokens(text);
    calls.push({ name: tool.name, pieces: all.slice(0, left) });
    if (all.length > left) return { pieces: [], calls, ending: "length" };
    left -= all.length;
  }
  return { pieces: [], calls, ending: "tools" };
}

/** Every tool whose name the prompt says, else the one whose description has most words in common with the prompt. */
function chooseTools({ tools, toolName, prompt, parallelTools }: Task, random: Random): readonly ToolOffer[] {
  const allowed = toolName === undefined ? tools : tools.filter((tool) => tool.name === toolName);
  const named = allowed.filter((tool) => prompt.includes(tool.name));
  if (named.length > 0) return parallelTools ? named : named.slice(0, 1);
  const wanted = keywords(prompt).map((word) => word.toLowerCase());
  const scored = allowed.map((tool) => ({ tool, score: overlap(wanted, tool) + random() / 2 }));
  scored.sort((left, right) => right.score - left.score);
  return scored.slice(0, 1).map(({ tool }) => tool);
}

function overlap(wanted: readonly string[], tool: ToolOffer): number {
  const text = `${tool.name} ${tool.description}`.toLowerCase();
  return wanted.filter((word) => text.includes(word)).length;
}

function composeText(task: Task, random: Random): Composition {
  const written = write(task, random);
  const text = written.join("");
  const cut = firstStop(text, task.stops);
  const pieces = cut === undefined ? written : splitTokens(text.slice(0, cut.at));
  if (pieces.length > task.maxTokens) {
    return { pieces: pieces.slice(0, task.maxTokens), calls: [], ending: "length" };
  }
  return cut === undefined
    ? { pieces, calls: [], ending: "end" }
    : { pieces, calls: [], ending: "stop", stop: cut.stop };
}

function write(task: Task, random: Random): string[] {
  const { content, outputTokens } = task.behaviour;
  if (content !== undefined) return splitTokens(content);
  if (task.json !== undefined) return splitTokens(JSON.stringify(writeJson(task, task.json.schema, random)));
  if (outputTokens !== undefined) return writeExactly(task.prompt, outputTokens, random);
  const length = answerLength(random);
  if (task.toolResults.length === 0) return writeProse(task.prompt, length, random);
  const results = task.toolResults.map((result) => result.slice(0, 400)).join("; ");
  return [
    ...splitTokens(`According to the tool: ${results}. `),
    ...writeProse(task.prompt, length / 2, random),
  ];
}

function writeJson(task: Task, schema: JsonValue | undefined, random: Random): JsonValue {
  if (schema !== undefined) return schemaExample(schema, argumentWords(task.prompt));
  const answer = writeProse(task.prompt, 30, random).join("");
  return { answer, topics: keywords(task.prompt).slice(0, 4), confidence: Math.round(random() * 100) / 100 };
}

function firstStop(text: string, stops: readonly string[]): { at: number; stop: string } | undefined {
  let first: { at: number; stop: string } | undefined;
  for (const stop of stops) {
    const at = stop === "" ? -1 : text.indexOf(stop);
    if (at >= 0 && (first === undefined || at < first.at)) first = { at, stop };
  }
  return first;
}
