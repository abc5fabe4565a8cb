/** An embedder for tests: vectors fixed by text, failures and latency on demand. */
import { createHash } from "node:crypto";
import type { Embedder } from "../../src/embedders/embedder.ts";
import { normalise } from "../../src/util/vector.ts";
import type { FakeClock } from "./fake-clock.ts";

export interface FakeEmbedderOptions {
  /** Text → vector, of any length; normalised. Other texts get one that follows from their hash. */
  readonly vectors?: Readonly<Record<string, readonly number[]>>;
  /** Default: the length of the given vectors, else 4. */
  readonly dimensions?: number;
  /** Default "fake". */
  readonly space?: string;
  /** Default 100. */
  readonly maxBatch?: number;
  /** Gives it `embedNow`. Default false. */
  readonly isLocal?: boolean;
  /** Needed for `latencyMs`. */
  readonly clock?: FakeClock;
}

export interface FakeEmbedder extends Embedder {
  /** The texts of each call so far, those that failed included; `embedNow` counts as a call. */
  readonly calls: readonly (readonly string[])[];
  /** The signals of those calls. */
  readonly signals: readonly AbortSignal[];
  /** Calls from now on answer after this long, and reject when aborted before. 0: at once. */
  latencyMs: number;
  /** Calls from now on never answer and ignore their signal; those told to fail still do. */
  hangs: boolean;
  /** Charged for each text. Undefined: not said. */
  tokensPerText: number | undefined;
  /** The next `times` calls reject with `error`. */
  failNext(error: unknown, times?: number): void;
}

export function createFakeEmbedder(options: FakeEmbedderOptions = {}): FakeEmbedder {
  const given = new Map(Object.entries(options.vectors ?? {}));
  const dimensions = options.dimensions ?? [...given.values()][0]?.length ?? 4;
  const calls: (readonly string[])[] = [];
  const signals: AbortSignal[] = [];
  const failures: unknown[] = [];

  const vectorOf = (text: string) => {
    const numbers = given.get(text);
    return numbers === undefined ? hashVector(text, dimensions) : normalise(Float32Array.from(numbers));
  };

  async function wait(latencyMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = options;
    if (clock === undefined) throw new Error("a fake embedder with latency needs a clock");
    await new Promise<void>((resolve, reject) => {
      const cancel = clock.schedule(latencyMs, resolve);
      signal.addEventListener("abort", () => {
        cancel();
        reject(signal.reason);
      });
    });
  }

  const fake: FakeEmbedder = {
    space: options.space ?? "fake",
    provider: "fake",
    model: "fixed",
    dimensions,
    maxBatch: options.maxBatch ?? 100,
    calls,
    signals,
    latencyMs: 0,
    hangs: false,
    tokensPerText: undefined,
    failNext(error, times = 1) {
      for (let i = 0; i < times; i++) failures.push(error);
    },
    async embed(texts, signal) {
      calls.push([...texts]);
      signals.push(signal);
      const hasFailure = failures.length > 0;
      const failure = failures.shift();
      if (fake.latencyMs > 0) await wait(fake.latencyMs, signal);
      if (hasFailure) throw failure;
      if (fake.hangs) return new Promise(() => {});
      const vectors = texts.map(vectorOf);
      return fake.tokensPerText === undefined
        ? { vectors }
        : { vectors, inputTokens: fake.tokensPerText * texts.length };
    },
  };
  if (!options.isLocal) return fake;
  return Object.assign(fake, {
    embedNow(text: string) {
      calls.push([text]);
      if (failures.length > 0) throw failures.shift();
      return vectorOf(text);
    },
  });
}

/** A unit vector that depends on every byte of the text; zero for a text with nothing in it. */
export function hashVector(text: string, dimensions: number): Float32Array {
  if (text.trim() === "") return new Float32Array(dimensions);
  const numbers = Float32Array.from({ length: dimensions }, (_, i) => {
    const digest = createHash("sha256").update(`${i}:${text}`).digest();
    return digest.readInt32LE(0) / 2 ** 31;
  });
  return normalise(numbers);
}
