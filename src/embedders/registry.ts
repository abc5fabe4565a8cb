/** All embedding of the process: what one config has embedded the next one need not. Outlives reloads. */
import type { Embedder } from "./embedder.ts";
import {
  createDescriptionEngine,
  type DescriptionEngine,
  type DescriptionStats,
} from "./engine/descriptions.ts";
import type { PromptCacheBounds } from "./engine/prompt-cache.ts";
import {
  type Caller,
  createPromptEngine,
  type PromptEmbedding,
  type PromptEngine,
  type PromptStats,
} from "./engine/prompts.ts";
import type { EngineServices } from "./engine/services.ts";

export type { Caller, PromptEmbedding } from "./engine/prompts.ts";

export interface EmbeddingSettings {
  /** USD per 1M tokens; undefined: unknown, which is not free. */
  readonly inputCost?: number | undefined;
  /** Deadline of one prompt's embedding. Default 2000. */
  readonly timeoutMs?: number | undefined;
  /**
   * Deadline of one try at a batch of descriptions. Default 15 000, and at least `timeoutMs`: at load nobody waits,
   * and a batch takes longer than a prompt.
   */
  readonly descriptionTimeoutMs?: number | undefined;
}

/** One config's use of an embedder. Every method works after `release` too: exchanges of an old config run out. */
export interface EmbeddingHandle {
  readonly embedder: Embedder;
  /**
   * The prompt's vector: at once where it is cached or the embedder needs no I/O, else a promise. Never throws;
   * rejects with an `EmbeddingError`. The caller leaving does not disturb others that wait for an equal prompt.
   */
  embedPrompt(text: string, caller: Caller): PromptEmbedding | Promise<PromptEmbedding>;
  /**
   * One vector for each text, in order; only those are embedded that no live or recent config has embedded before.
   * Tries up to 4 times where the vendor answers, whatever the breaker says, and rejects with an `EmbeddingError`.
   */
  embedDescriptions(texts: readonly string[], signal: AbortSignal): Promise<readonly Float32Array[]>;
  /** A description's vector from elsewhere, e.g. from a store: it need not be embedded. */
  adoptDescription(text: string, vector: Float32Array): void;
  /** Gives the descriptions up for eviction. To be called once the config is out of use; a second call does nothing. */
  release(): void;
}

export interface EmbeddingStats extends PromptStats, DescriptionStats {
  readonly space: string;
  readonly provider: string;
  readonly model: string;
  /** All tokens the vendor has charged for. */
  readonly inputTokens: number;
  /** What they cost at the price of the config that came last; undefined where it has none. */
  readonly costUsd: number | undefined;
}

export interface EmbeddingRegistry {
  /** Handles of embedders with the same `space` share caches, calls and breaker. */
  acquire(embedder: Embedder, settings: EmbeddingSettings): EmbeddingHandle;
  /** One row for each space, for metrics. */
  stats(): readonly EmbeddingStats[];
}

export interface EmbeddingRegistryServices extends Omit<EngineServices, "bounds"> {
  /** Default 8192 prompts, 64 MiB, for each space. */
  readonly bounds?: PromptCacheBounds;
}

const defaultTimeoutMs = 2_000;
const defaultDescriptionTimeoutMs = 15_000;
const defaultBounds: PromptCacheBounds = { maxEntries: 8_192, maxBytes: 64 * 1024 * 1024 };

/** Spaces kept without a handle: a reload may release the old config before it acquires for the new one. */
const maxIdleSpaces = 4;

interface Space {
  /** The first embedder of the space, for logs and stats. */
  readonly named: Embedder;
  readonly prompts: PromptEngine;
  readonly descriptions: DescriptionEngine;
  handles: number;
  /** Of the handle that came last. */
  inputCost: number | undefined;
}

export function createEmbeddingRegistry(services: EmbeddingRegistryServices): EmbeddingRegistry {
  const spaces = new Map<string, Space>();
  const engineServices: EngineServices = { ...services, bounds: services.bounds ?? defaultBounds };

  function spaceOf(embedder: Embedder): Space {
    const known = spaces.get(embedder.space);
    if (known !== undefined) return known;
    const facts = { provider: embedder.provider, model: embedder.model };
    const space: Space = {
      named: embedder,
      prompts: createPromptEngine(engineServices, facts),
      descriptions: createDescriptionEngine(engineServices, facts),
      handles: 0,
      inputCost: undefined,
    };
    spaces.set(embedder.space, space);
    return space;
  }

  function leave(space: Space): void {
    space.handles--;
    if (space.handles > 0) return;
    const key = space.named.space;
    // To the end, so that the space idle for longest is the first to be dropped.
    spaces.delete(key);
    spaces.set(key, space);
    const idle = [...spaces].filter(([, { handles }]) => handles === 0);
    for (const [oldest] of idle.slice(0, Math.max(0, idle.length - maxIdleSpaces))) spaces.delete(oldest);
  }

  return {
    acquire(embedder, settings) {
      const space = spaceOf(embedder);
      space.handles++;
      space.inputCost = settings.inputCost ?? space.inputCost;
      return createHandle(embedder, space, settings, () => leave(space));
    },
    stats: () => [...spaces.values()].map(statsOf),
  };
}

function createHandle(
  embedder: Embedder,
  { prompts, descriptions }: Space,
  settings: EmbeddingSettings,
  onRelease: () => void,
): EmbeddingHandle {
  const timeoutMs = settings.timeoutMs ?? defaultTimeoutMs;
  const descriptionTimeoutMs = Math.max(
    timeoutMs,
    settings.descriptionTimeoutMs ?? defaultDescriptionTimeoutMs,
  );
  const held = new Set<string>();
  let isReleased = false;

  function hold(text: string): void {
    if (isReleased || held.has(text)) return;
    held.add(text);
    descriptions.retain(text);
  }

  return {
    embedder,
    embedPrompt: (text, caller) => prompts.embed({ embedder, text, caller, timeoutMs }),
    embedDescriptions(texts, signal) {
      texts.forEach(hold);
      return descriptions.embed({ embedder, texts, signal, timeoutMs: descriptionTimeoutMs });
    },
    adoptDescription(text, vector) {
      hold(text);
      descriptions.adopt(text, vector);
    },
    release() {
      if (isReleased) return;
      isReleased = true;
      descriptions.release(held);
      held.clear();
      onRelease();
    },
  };
}

function statsOf({ named, prompts, descriptions, inputCost }: Space): EmbeddingStats {
  const promptStats = prompts.stats();
  const descriptionStats = descriptions.stats();
  const inputTokens = promptStats.promptTokens + descriptionStats.descriptionTokens;
  return {
    space: named.space,
    provider: named.provider,
    model: named.model,
    ...promptStats,
    ...descriptionStats,
    inputTokens,
    costUsd: inputCost === undefined ? undefined : (inputTokens * inputCost) / 1_000_000,
  };
}
