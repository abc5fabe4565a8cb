/** Contract of the algorithm family: an algorithm only chooses; health, retries and counters are the engine's. */

import type { EmbeddingHandle } from "../embedders/registry.ts";
import type { RoutingDecision } from "../llm/routing-decision.ts";
import type { Usage } from "../llm/usage.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Schedule } from "../util/schedule.ts";
import type { DescriptionVectors } from "./description-vectors.ts";

/** One entry of `config.targets` as an algorithm sees it. Frozen. */
export interface Target {
  /** Position in the config file. */
  readonly index: number;
  /** Identity by content: equal across reloads while the target is unchanged. */
  readonly id: string;
  /** `provider/model`, as people and logs name it. */
  readonly name: string;
  /** 1–65535. */
  readonly weight: number;
  readonly description: string | undefined;
  /** Example prompts that belong to this target (ours, not Kong's). */
  readonly examples: readonly string[];
  /** USD per 1M tokens; undefined = unknown, which is never treated as free. */
  readonly inputCost: number | undefined;
  readonly outputCost: number | undefined;
}

/** What an algorithm may know of the request. */
export interface BalanceRequest {
  /** The texts to route on, most recent first, harness noise removed; computed on first use. */
  readonly prompts: () => readonly string[];
  /** A client header by lower-case name. */
  readonly header: (name: string) => string | undefined;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  /** Set by algorithms that can explain themselves. */
  decision: RoutingDecision | undefined;
}

/** How one attempt ended. */
export interface Outcome {
  readonly ok: boolean;
  /** From sending to the last byte. */
  readonly latencyMs: number;
  readonly usage?: Usage;
  readonly costUsd?: number;
}

export interface Balancer {
  /**
   * Awaited once, before the first request, e.g. to embed descriptions. What may pass is retried and the gateway
   * starts all the same; rejects when it never can.
   */
  start?(signal: AbortSignal): Promise<void>;
  /** Awaited once per request before the first pick; only algorithms that need I/O have it. Throws `GatewayError`. */
  prepare?(candidates: readonly Target[], request: BalanceRequest): void | Promise<void>;
  /** Chooses among healthy, untried targets; synchronous, so that pick and acquire are one step. Undefined: none fits. */
  pick(candidates: readonly Target[], request: BalanceRequest): Target | undefined;
  /** Learns from a finished attempt. */
  observe?(target: Target, outcome: Outcome): void;
  /** Stops timers. */
  close?(): void;
}

/** What an algorithm may be told by the config. */
export interface BalancerSettings {
  readonly semantic?: SemanticSettings;
}

export interface SemanticSettings {
  /** Largest distance that still matches. */
  readonly threshold: number;
  readonly metric: "cosine" | "euclidean";
  /** How many of the user's last messages are embedded together. */
  readonly messageCountback: number;
  readonly inheritFollowUps: boolean;
  /** Inside a group: `weighted` shares by weight, `strict` always takes the heaviest that is left. */
  readonly groupPolicy: "weighted" | "strict";
  /** What happens when no embedding can be had. */
  readonly onError: "fallback" | "fail";
  /** USD per 1M tokens of prompt embedding; undefined = unknown, which is not free. */
  readonly embeddingCost: number | undefined;
}

/** What an algorithm may use of the world. Tests pass fakes. */
export interface BalancerServices {
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly log: Logger;
  /** Only where the config has embeddings. */
  readonly semantic?: SemanticServices;
}

export interface SemanticServices {
  readonly embedding: EmbeddingHandle;
  readonly descriptions: DescriptionVectors;
  readonly schedule: Schedule;
}

export interface BalancerDefinition {
  /** Kong's name of the algorithm. */
  readonly name: string;
  /** One sentence; the reference page starts with it. */
  readonly summary: string;
  create(settings: BalancerSettings, targets: readonly Target[], services: BalancerServices): Balancer;
}

/** Declares a member of the family; exists so that a typo in a definition is a compile error. */
export function defineBalancer(definition: BalancerDefinition): BalancerDefinition {
  return definition;
}
