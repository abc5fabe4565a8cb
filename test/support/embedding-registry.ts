/** What the tests of the embedding registry have in common. */

import { EmbeddingError } from "../../src/embedders/embedding-error.ts";
import {
  createEmbeddingRegistry,
  type EmbeddingHandle,
  type EmbeddingStats,
} from "../../src/embedders/registry.ts";
import { createFakeClock } from "./fake-clock.ts";
import { createFakeEmbedder, type FakeEmbedderOptions } from "./fake-embedder.ts";

interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly facts: unknown;
}

/** A registry, a clock, a fake embedder and a handle on it; `lines` is what was logged. */
export function setUp(options: FakeEmbedderOptions = {}, bounds?: { maxEntries: number; maxBytes: number }) {
  const clock = createFakeClock();
  const lines: LogLine[] = [];
  const at = (level: string) => (message: string, facts?: unknown) => lines.push({ level, message, facts });
  const log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  const registry = createEmbeddingRegistry({ ...clock, random: () => 0, log, ...(bounds && { bounds }) });
  const embedder = createFakeEmbedder({ clock, ...options });
  const handle = registry.acquire(embedder, { timeoutMs: 2000 });
  const stats = (): EmbeddingStats => {
    const [first] = registry.stats();
    if (first === undefined) throw new Error("no space");
    return first;
  };
  return { clock, lines, registry, embedder, handle, stats };
}

/** A caller who stays. */
export const never = () => new AbortController().signal;
/** A failure that may pass. */
export const down = () =>
  new EmbeddingError("vendor", "fake answered 503", { status: 503, isRetryable: true });

/** What the promise rejects with; an error of the test when it does not. */
export async function failure(promise: unknown): Promise<EmbeddingError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof EmbeddingError) return error;
    throw error;
  }
  throw new Error("did not fail");
}

/** Embeds as many different prompts and expects each to fail. */
export async function failTimes(handle: EmbeddingHandle, times: number, prefix = "p"): Promise<void> {
  for (let i = 0; i < times; i++) await failure(handle.embedPrompt(`${prefix}${i}`, never()));
}
