/** A semantic balancer over a fake embedder, the real registry and the real store in memory. */
import { semantic } from "../../src/balancer/algorithms/semantic.ts";
import type { BalanceRequest, Balancer, SemanticSettings, Target } from "../../src/balancer/balancer.ts";
import { createDescriptionVectors } from "../../src/balancer/description-vectors.ts";
import type { Embedder } from "../../src/embedders/embedder.ts";
import { createEmbeddingRegistry, type EmbeddingRegistry } from "../../src/embedders/registry.ts";
import { createVectorKeeper } from "../../src/vector-stores/keeper.ts";
import type { VectorStore } from "../../src/vector-stores/vector-store.ts";
import { createBalanceRequest, createBalancerServices, defaultSettings } from "./balancing.ts";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";
import { createFakeEmbedder, type FakeEmbedder, type FakeEmbedderOptions } from "./fake-embedder.ts";
import { createFaultyStore } from "./faulty-store.ts";
import { createRecordingLogger } from "./recording-logger.ts";

export const semanticDefaults: SemanticSettings = {
  threshold: 0.7,
  metric: "cosine",
  messageCountback: 1,
  inheritFollowUps: true,
  groupPolicy: "weighted",
  onError: "fallback",
  embeddingCost: undefined,
};

export interface SemanticOptions {
  readonly settings?: Partial<SemanticSettings>;
  readonly embedder?: FakeEmbedderOptions;
  /** The parts that balancers of one process share. */
  readonly shared?: Pick<SemanticSetup, "clock" | "registry" | "embedder">;
  readonly store?: VectorStore;
  readonly calibrate?: Embedder["calibrate"];
  readonly namespace?: string;
  /** Chooses inside a group. */
  readonly inner?: Balancer;
}

export interface SemanticSetup {
  readonly balancer: Balancer;
  readonly clock: FakeClock;
  readonly registry: EmbeddingRegistry;
  readonly embedder: FakeEmbedder;
  readonly log: ReturnType<typeof createRecordingLogger>;
  /** Asks with these user messages, the most recent first; the request holds the decision. */
  ask(prompts: readonly string[], candidates?: readonly Target[]): Promise<BalanceRequest>;
  /** Asks and picks once: the target's name. */
  route(...prompts: string[]): Promise<string | undefined>;
  /** Asks once and picks until nothing is left: the targets' names in order. */
  order(...prompts: string[]): Promise<readonly string[]>;
}

/** Not started yet. */
export function createSemantic(targets: readonly Target[], options: SemanticOptions = {}): SemanticSetup {
  const clock = options.shared?.clock ?? createFakeClock();
  const log = createRecordingLogger();
  const embedder = options.shared?.embedder ?? createFakeEmbedder({ clock, ...options.embedder });
  if (options.calibrate !== undefined) Object.assign(embedder, { calibrate: options.calibrate });
  const registry = options.shared?.registry ?? createEmbeddingRegistry({ ...clock, random: () => 0, log });
  const embedding = registry.acquire(embedder, { timeoutMs: 2000 });
  const keeper = createVectorKeeper({
    store: options.store ?? createFaultyStore(),
    owner: options.namespace ?? "plugin-1",
    isRemote: options.store !== undefined,
    isReadOnly: false,
    log,
    ...clock,
  });
  const settings = { ...defaultSettings, semantic: { ...semanticDefaults, ...options.settings } };
  const balancer = semantic.create(settings, targets, {
    ...createBalancerServices({ log, now: clock.now }),
    semantic: {
      embedding,
      descriptions: createDescriptionVectors(embedding, keeper),
      inner: options.inner,
      schedule: clock.schedule,
    },
  });

  async function ask(prompts: readonly string[], candidates = targets): Promise<BalanceRequest> {
    const request = createBalanceRequest(prompts);
    await balancer.prepare?.(candidates, request);
    return request;
  }

  return {
    balancer,
    clock,
    registry,
    embedder,
    log,
    ask,
    route: async (...prompts) => balancer.pick(targets, await ask(prompts))?.name,
    async order(...prompts) {
      const request = await ask(prompts);
      const names: string[] = [];
      let left = targets;
      for (let next = balancer.pick(left, request); next !== undefined; next = balancer.pick(left, request)) {
        names.push(next.name);
        left = left.filter((target) => target.name !== names.at(-1));
      }
      return names;
    },
  };
}

/** The same, started. */
export async function startSemantic(
  targets: readonly Target[],
  options: SemanticOptions = {},
): Promise<SemanticSetup> {
  const setup = createSemantic(targets, options);
  await setup.balancer.start?.(new AbortController().signal);
  return setup;
}

/** A unit vector with these cosines to the first axes; the rest of its length lies on one more axis. */
export function towards(...cosines: number[]): readonly number[] {
  const rest = 1 - cosines.reduce((sum, cosine) => sum + cosine * cosine, 0);
  if (rest < -1e-9) throw new Error("no unit vector has these cosines");
  return [...cosines, Math.sqrt(Math.max(0, rest))];
}
