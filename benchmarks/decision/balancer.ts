/** The semantic balancer as the gateway builds it: local embedder, the embedding registry's cache, and a store with its keeper. */
import { semantic } from "../../src/balancer/algorithms/semantic.ts";
import type { BalanceRequest, Balancer, Target } from "../../src/balancer/balancer.ts";
import { createDescriptionVectors } from "../../src/balancer/description-vectors.ts";
import { createTargetMemories } from "../../src/balancer/target-memory.ts";
import { local } from "../../src/embedders/local.ts";
import { createEmbeddingRegistry } from "../../src/embedders/registry.ts";
import { promptTexts } from "../../src/llm/prompt-text.ts";
import type { RoutingDecision } from "../../src/llm/routing-decision.ts";
import { seededRandom } from "../../src/simulator/text/random.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { systemSchedule } from "../../src/util/schedule.ts";
import { createVectorKeeper, type KeeperHealth } from "../../src/vector-stores/keeper.ts";
import { memory } from "../../src/vector-stores/memory.ts";
import type { VectorStore } from "../../src/vector-stores/vector-store.ts";

export interface Router {
  /** Decides on one prompt; throws when the decision was not made by its meaning. */
  decide(prompt: string): RoutingDecision;
  /** How the store is doing that the descriptions are kept in. */
  health(): KeeperHealth;
  /** Removes what the store keeps, and closes it. */
  close(): Promise<void>;
}

export interface RouterStore {
  readonly store: VectorStore;
  readonly isRemote: boolean;
  readonly owner: string;
}

function inMemory(): RouterStore {
  const { isRemote } = memory;
  return { store: memory.create(), isRemote, owner: "benchmark" };
}

const signal = new AbortController().signal;

/** One target for each description. Resolves when the descriptions are embedded and the store has been tried once. */
export async function createRouter(
  descriptions: readonly string[],
  kept: RouterStore = inMemory(),
): Promise<Router> {
  const now = () => performance.now();
  const random = seededRandom(1);
  const write = (text: string) => process.stderr.write(text);
  const log = createLogger({ level: "warn", pretty: true, write, wallClock: () => Date.now() });
  const registry = createEmbeddingRegistry({ now, random, log, schedule: systemSchedule });
  const targets = descriptions.map(targetOf);
  const settings = {
    threshold: 0.7,
    metric: "cosine",
    messageCountback: 1,
    inheritFollowUps: true,
    groupPolicy: "weighted",
    onError: "fail",
    embeddingCost: undefined,
  } as const;
  // What the semantic algorithm does not look at.
  const plain = {
    hashOnHeader: "",
    slots: 1000,
    latencyStrategy: "e2e",
    tokensCountStrategy: "total-tokens",
    usageHalfLifeMs: 1,
    connectTimeoutMs: 1,
    readTimeoutMs: 1,
  } as const;
  const world = { now, log, schedule: systemSchedule };
  const embedding = registry.acquire(local.create(), {});
  const keeper = createVectorKeeper({ ...world, ...kept, isReadOnly: false });
  const balancer = semantic.create({ ...plain, semantic: settings }, targets, {
    now,
    random,
    log,
    memory: createTargetMemories().of("benchmark", "semantic"),
    semantic: {
      embedding,
      descriptions: createDescriptionVectors(embedding, keeper),
      schedule: systemSchedule,
    },
  });
  await balancer.start?.(signal);
  return {
    decide: (prompt) => decide(balancer, targets, prompt),
    health: () => keeper.health(),
    async close() {
      balancer.close?.();
      await keeper.forget(signal);
      await kept.store.close();
    },
  };
}

function decide(balancer: Balancer, targets: readonly Target[], prompt: string): RoutingDecision {
  const request: BalanceRequest = {
    prompts: () => promptTexts([{ role: "user", content: prompt }], { includeSystem: false }),
    header: () => undefined,
    signal,
    decision: undefined,
  };
  const pending = balancer.prepare?.(targets, request);
  if (pending !== undefined)
    throw new Error("the decision had to wait, though the embedder is in the process");
  balancer.pick(targets, request);
  const { decision } = request;
  if (decision?.embedding === undefined)
    throw new Error(`the prompt was not embedded: ${decision?.detail ?? "no decision"}`);
  return decision;
}

function targetOf(description: string, index: number): Target {
  const name = `simulated/model-${index}`;
  return {
    index,
    id: name,
    place: name,
    name,
    weight: 100,
    description,
    examples: [],
    inputCost: 1,
    outputCost: 2,
  };
}
