/**
 * What a vendor bills for what it has put on the wire, worked out from the bytes alone, by arithmetic of its own: the
 * tokens it told of, or, where it could not tell them to the end, OpenAI's own counts of what was asked and sent.
 */
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import type { SentAnswer } from "../../src/simulator/options.ts";

/** Whole pico-USD per token: a price of 2.5 USD per 1M tokens is 2,500,000. */
export interface BillPrices {
  readonly input: number;
  readonly cacheRead: number;
  readonly output: number;
}

export interface BillLine {
  readonly model: string;
  readonly input: number;
  readonly output: number;
  /** Whole nano-USD: a line is rounded, as a ledger's entry is. */
  readonly nanoUsd: bigint;
  /** The vendor did not say how many tokens. */
  readonly isCounted: boolean;
}

interface Tokens {
  readonly input: number;
  readonly cached: number;
  readonly output: number;
}

export function billOf(answer: SentAnswer, pricesOf: (model: string) => BillPrices): BillLine {
  const { model, messages } = answer.request.body as Request; // the simulator has checked it
  const events = eventsOf(answer.text);
  const told = events.length > 0 ? toldByStream(events) : toldByWhole(answer.text);
  const isCounted = told === undefined || told.output === undefined;
  const tokens = {
    input: told?.input ?? countPrompt(messages),
    cached: told?.cached ?? 0,
    output: told?.output ?? Math.max(told?.outputSoFar ?? 0, encode(textOf(answer.text, events)).length),
  };
  return {
    model,
    isCounted,
    input: tokens.input,
    output: tokens.output,
    nanoUsd: nanoOf(tokens, pricesOf(model)),
  };
}

function nanoOf({ input, cached, output }: Tokens, prices: BillPrices): bigint {
  const pico =
    BigInt(input - cached) * BigInt(prices.input) +
    BigInt(cached) * BigInt(prices.cacheRead) +
    BigInt(output) * BigInt(prices.output);
  return (pico + 500n) / 1000n;
}

interface Request {
  readonly model: string;
  readonly messages: readonly { readonly content: string }[];
}

/** `output` only where it is the last word. */
interface Told {
  readonly input: number;
  readonly cached: number;
  readonly output?: number;
  readonly outputSoFar?: number;
}

interface Usage {
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
  readonly prompt_tokens_details?: { readonly cached_tokens: number };
  readonly input_tokens?: number;
  readonly output_tokens?: number;
  readonly cache_read_input_tokens?: number;
}

function toldByWhole(text: string): Told | undefined {
  const { usage } = JSON.parse(text) as { readonly usage?: Usage };
  return usage === undefined ? undefined : toldBy(usage);
}

/** The input of one dialect has the cached tokens in it, that of the other has not. */
function toldBy(usage: Usage): Told {
  if (usage.prompt_tokens !== undefined) {
    return {
      input: usage.prompt_tokens,
      cached: usage.prompt_tokens_details?.cached_tokens ?? 0,
      output: usage.completion_tokens ?? 0,
    };
  }
  const cached = usage.cache_read_input_tokens ?? 0;
  return { input: (usage.input_tokens ?? 0) + cached, cached, output: usage.output_tokens ?? 0 };
}

interface Event {
  readonly type?: string;
  readonly usage?: Usage | null;
  readonly message?: { readonly usage: Usage };
  readonly choices?: readonly { readonly delta: { readonly content?: string | null } }[];
  readonly delta?: { readonly text?: string };
}

function toldByStream(events: readonly Event[]): Told | undefined {
  const last = events.find(({ usage, type }) => usage && type !== "message_start");
  const first = events.find(({ type }) => type === "message_start")?.message?.usage;
  const begun = first === undefined ? undefined : toldBy(first);
  if (last?.usage) {
    const told = toldBy({ ...first, ...last.usage });
    return begun === undefined ? told : { ...begun, output: told.output ?? 0 };
  }
  return begun === undefined
    ? undefined
    : { input: begun.input, cached: begun.cached, outputSoFar: begun.output ?? 0 };
}

function eventsOf(text: string): readonly Event[] {
  return [...text.matchAll(/^data: (\{.*\})$/gm)].map(([, json = ""]) => JSON.parse(json) as Event);
}

/** OpenAI's cookbook: three tokens a message, one for its role, three that begin the reply. */
function countPrompt(messages: Request["messages"]): number {
  return messages.reduce((sum, { content }) => sum + 4 + encode(content).length, 3);
}

function textOf(text: string, events: readonly Event[]): string {
  if (events.length > 0)
    return events.map(({ choices, delta }) => choices?.[0]?.delta.content ?? delta?.text ?? "").join("");
  const { choices } = JSON.parse(text) as { choices: { message: { content: string } }[] };
  return choices.map(({ message }) => message.content).join("");
}
