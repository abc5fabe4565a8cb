/** Counts tokens with OpenAI's published encodings, in a thread of its own, so that no request waits for it. */
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import type { Schedule } from "../util/schedule.ts";

/** o200k_base: models since GPT-4o. cl100k_base: GPT-4 and GPT-3.5. */
export type Encoding = "o200k_base" | "cl100k_base";

/** Tokens of all texts together. Never rejects, whatever is in them; special tokens in a text count as its characters. */
export type CountTokens = (texts: readonly string[], encoding: Encoding) => Promise<number>;

export interface TokenCounter {
  readonly count: CountTokens;
  /** Ends the thread; what is being counted resolves at once, roughly. */
  close(): Promise<void>;
}

export interface TokenCounterServices {
  readonly schedule: Schedule;
  /** The thread broke; the counts it owed are rough ones, and the next count starts another. */
  readonly onFailure: (error: Error) => void;
  /** Starts the thread; may throw. For tests. */
  readonly start?: () => Worker;
}

/**
 * The thread starts with the first count, which therefore takes a quarter of a second, and ends after five idle minutes.
 * Measured on Node 20, two shared cores: loading o200k_base takes 250 to 370 ms, most of it at a stretch, hence the thread
 * (the event loop was held for 7 ms), and 60 to 75 MB, which ending the thread gives back; 1,000 tokens of prose then take
 * 0.5 to 2 ms, of base64 2 to 3.5.
 */
export function createTokenCounter(services: TokenCounterServices): TokenCounter {
  return new ThreadedCounter(services);
}

/** A choice: vendors without counts keep the thread busy, and one client that left does not hold 60 MB for long. */
const idleMs = 5 * 60_000;

/**
 * What is counted exactly; of more, the beginning of every text stands for the whole. Some 50,000 tokens of prose, which
 * take 25 to 100 ms of the thread; the slowest that was found (random letters without a space) takes a second.
 */
export const maxExactCharacters = 200_000;

/**
 * What may wait to be counted: 20 of the longest texts, some seconds of the thread. What comes on top is counted roughly, so
 * that clients who leave by the thousand neither fill the memory nor hold back the records for long.
 */
export const maxWaitingCharacters = 4_000_000;

/** A bound on a thread gone wrong; both encodings and the slowest texts stay below it. */
const maxThreadMegabytes = 256;

interface Pending {
  readonly characters: number;
  readonly rough: number;
  readonly scale: number;
  readonly resolve: (tokens: number) => void;
}

class ThreadedCounter implements TokenCounter {
  readonly #services: TokenCounterServices;
  #thread: Worker | undefined;
  #pending = new Map<number, Pending>();
  #waitingCharacters = 0;
  #lastId = 0;
  #cancelIdle: (() => void) | undefined;

  constructor(services: TokenCounterServices) {
    this.#services = services;
  }

  readonly count: CountTokens = (texts, encoding) => {
    const characters = lengthOf(texts);
    if (characters === 0) return Promise.resolve(0);
    const rough = Math.ceil(characters / charactersPerToken);
    if (this.#waitingCharacters >= maxWaitingCharacters) return Promise.resolve(rough);
    const sample = beginnings(texts, characters);
    const sampled = lengthOf(sample);
    this.#cancelIdle?.();
    const thread = this.#thread ?? this.#start();
    if (thread === undefined) return Promise.resolve(rough);
    thread.ref();
    const id = ++this.#lastId;
    thread.postMessage({ id, encoding, texts: sample } satisfies Job);
    this.#waitingCharacters += sampled;
    return new Promise((resolve) => {
      this.#pending.set(id, { characters: sampled, scale: characters / sampled, rough, resolve });
    });
  };

  /** Undefined where the system has no thread to give. */
  #start(): Worker | undefined {
    const { start = startThread, onFailure } = this.#services;
    try {
      const thread = start();
      thread.on("message", ({ id, tokens }: Result) => this.#finish(id, tokens));
      thread.on("error", (error: Error) => {
        if (this.#drop(thread)) onFailure(error);
      });
      this.#thread = thread;
      return thread;
    } catch (error) {
      onFailure(error as Error); // node throws nothing else
      return undefined;
    }
  }

  #finish(id: number, tokens: number): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    this.#waitingCharacters -= pending.characters;
    pending.resolve(Math.round(tokens * pending.scale));
    if (this.#pending.size === 0) this.#rest();
  }

  /** An idle thread keeps no process alive. */
  #rest(): void {
    this.#thread?.unref();
    this.#cancelIdle = this.#services.schedule(idleMs, () => void this.close());
  }

  readonly close = async (): Promise<void> => {
    const thread = this.#thread;
    if (thread === undefined) return;
    this.#drop(thread);
    await thread.terminate();
  };

  /** Lets go of the thread, if it still is ours, and settles what it owes. */
  #drop(thread: Worker): boolean {
    if (thread !== this.#thread) return false;
    this.#cancelIdle?.();
    this.#thread = undefined;
    const owed = this.#pending;
    this.#pending = new Map();
    this.#waitingCharacters = 0;
    for (const { resolve, rough } of owed.values()) resolve(rough);
    return true;
  }
}

/** "On average, in practice, each token corresponds to about 4 bytes" (README of openai/tiktoken). Where all else fails. */
const charactersPerToken = 4;

function lengthOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0);
}

/** Of every text the same share, so that all of a long conversation is in it; no copy is made. */
function beginnings(texts: readonly string[], characters: number): readonly string[] {
  if (characters <= maxExactCharacters) return texts;
  const share = maxExactCharacters / characters;
  return texts.map((text) => text.slice(0, Math.ceil(text.length * share)));
}

interface Job {
  readonly id: number;
  readonly encoding: Encoding;
  readonly texts: readonly string[];
}

interface Result {
  readonly id: number;
  readonly tokens: number;
}

function startThread(): Worker {
  return new Worker(`(${serve})(require("node:worker_threads"))`, {
    eval: true,
    workerData: modules,
    resourceLimits: { maxOldGenerationSizeMb: maxThreadMegabytes },
  });
}

const { resolve } = createRequire(import.meta.url);

/** Where the thread finds the encodings. */
const modules: Readonly<Record<Encoding, string>> = {
  o200k_base: resolve("gpt-tokenizer/encoding/o200k_base"),
  cl100k_base: resolve("gpt-tokenizer/encoding/cl100k_base"),
};

/**
 * The thread. Only the source of this function goes there, so it uses nothing of this module: that way it runs from
 * TypeScript and from JavaScript alike.
 */
function serve({ parentPort, workerData: modules }: typeof import("node:worker_threads")): void {
  type Tokenizer = typeof import("gpt-tokenizer/encoding/o200k_base");
  const loaded = new Map<string, Tokenizer>();
  // A text may hold `<|endoftext|>` and its like; without this the library refuses them.
  const asText = { disallowedSpecial: new Set<string>() };
  // Of words it has met; the default of 100,000 would keep more of what people wrote, and for longer.
  const wordsRemembered = 10_000;
  // The library merges in quadratic time: 100,000 times "a" take 11 s. A longer word or run of signs is cut, which adds
  // at most a token each time; in what people write there is next to none (the longest German words have 80 letters).
  const longRun = /[\p{L}\p{M}]{128}|[^\p{L}\p{N}]{128}/gu;

  const load = (encoding: Encoding): Tokenizer => {
    const known = loaded.get(encoding);
    if (known !== undefined) return known;
    const tokenizer: Tokenizer = require(modules[encoding]);
    tokenizer.setMergeCacheSize(wordsRemembered);
    loaded.set(encoding, tokenizer);
    return tokenizer;
  };

  const count = (text: string, { countTokens }: Tokenizer): number => {
    let tokens = 0;
    let from = 0;
    for (const { index, 0: run } of text.matchAll(longRun)) {
      const end = index + run.length;
      tokens += countTokens(text.slice(from, end), asText);
      from = end;
    }
    return tokens + countTokens(text.slice(from), asText);
  };

  parentPort?.on("message", ({ id, encoding, texts }: Job) => {
    const tokenizer = load(encoding);
    const tokens = texts.reduce((sum, text) => sum + count(text, tokenizer), 0);
    parentPort.postMessage({ id, tokens } satisfies Result);
  });
}
