/** The semantic balancer as the gateway builds it: local embedder, memory store, the embedding registry's cache between. */
import { semantic } from "../../src/balancer/algorithms/semantic.ts";
import type { BalanceRequest, Balancer, Target } from "../../src/balancer/balancer.ts";
import { createDescriptionVectors } from "../../src/balancer/description-vectors.ts";
import { local } from "../../src/embedders/local.ts";
import { createEmbeddingRegistry } from "../../src/embedders/registry.ts";
import { promptTexts } from "../../src/llm/prompt-text.ts";
import type { RoutingDecision } from "../../src/llm/routing-decision.ts";
import { seededRandom } from "../../src/simulator/text/random.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { systemSchedule } from "../../src/util/schedule.ts";
import { createVectorKeeper } from "../../src/vector-stores/keeper.ts";
import { memory } from "../../src/vector-stores/memory.ts";

export interface Router {
  /** Decides on one prompt; throws when the decision was not made by its meaning. */
  decide(prompt: string): RoutingDecision;
}

const signal = new AbortController().signal;

/** One target for each description. Resolves when the descriptions are embedded. */
export async function createRouter(descriptions: readonly string[]): Promise<Router> {
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
  const world = { now, log, schedule: systemSchedule };
  const embedding = registry.acquire(local.create(), {});
  const store = memory.create();
  const keeper = createVectorKeeper({
    ...world,
    store,
    owner: "benchmark",
    isRemote: false,
    isReadOnly: false,
  });
  const balancer = semantic.create({ semantic: settings }, targets, {
    random,
    log,
    semantic: {
      embedding,
      descriptions: createDescriptionVectors(embedding, keeper),
      schedule: systemSchedule,
    },
  });
  await balancer.start?.(signal);
  return { decide: (prompt) => decide(balancer, targets, prompt) };
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
  return { index, id: name, name, weight: 100, description, examples: [], inputCost: 1, outputCost: 2 };
}
