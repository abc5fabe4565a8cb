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
  /** What is called, whatever the weight, the key and the options: a rotated key does not change it. Unique in a plugin. */
  readonly place: string;
  /** `provider/model`, as people and logs name it. */
  readonly name: string;
  /** 1–65535. */
  readonly weight: number;
  readonly description: string | undefined;
  /** Example prompts that belong to this target (ours, not Kong's). */
  readonly examples: readonly string[];
  /** The price that holds, the config's or the price table's, in USD per 1M tokens; undefined = unknown, never free. */
  readonly inputCost: number | undefined;
  readonly outputCost: number | undefined;
}

/** What an algorithm may know of the request. */
export interface BalanceRequest {
  /** The texts to route on, most recent first, harness noise removed; computed on first use. */
  readonly prompts: () => readonly string[];
  /** A client header by lower-case name. */
  readonly header: (name: string) => string | undefined;
  /** What consistent-hashing goes by, where that is not a header: "" for a request that has nothing of the kind. */
  readonly hashKey?: string;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  /**
   * Somebody only asks: no attempt will follow, so that nothing of this request may be remembered that changes what
   * others get. It is chosen as for a request at this moment, and asking again gives the same. Default false.
   */
  readonly isTrial?: boolean;
  /** Set by algorithms that can explain themselves. */
  decision: RoutingDecision | undefined;
}

/** A request that only asks. */
export type TrialRequest = BalanceRequest & { readonly isTrial: true };

/**
 * Why an attempt gave no good answer. error, timeout, invalid_header and `http_…` are nginx's words for what happens up
 * to the answer's head; unusable: an answer that cannot be read; stream: it broke off, stalled, or told of an error,
 * after its head.
 */
export type AttemptFailure =
  | "error"
  | "timeout"
  | "invalid_header"
  | `http_${number}`
  | "unusable"
  | "stream";

/** What an attempt has used. */
export interface Spent {
  readonly usage?: Usage;
  readonly costUsd?: number;
}

/** How one attempt ended. */
export interface Outcome {
  /** A complete, good answer. */
  readonly ok: boolean;
  /** Absent where `ok`, and where the client left. */
  readonly failure?: AttemptFailure;
  /** The client left before the end: neither a success nor a failure of the target. */
  readonly aborted?: true;
  /** Of the answer's head; given for plain HTTP, where health goes by lists of statuses. */
  readonly status?: number;
  /** From sending to the last byte, or to the failure. */
  readonly latencyMs: number;
  /** How long the vendor asked to be left alone (`Retry-After`). */
  readonly retryAfterMs?: number;
  /** Tokens; absent where nothing is known. */
  readonly usage?: Usage;
  readonly costUsd?: number;
  /** How good the answer was, 1 (worst) to 100 (best). Nothing gives it until there is a plugin that judges answers. */
  readonly accuracy?: number;
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
  /** An attempt begins, right after it was picked. Each is followed by exactly one `observe`, however it ends. */
  started?(target: Target, request: BalanceRequest): void;
  /** Learns from an attempt that has ended; a little later where its tokens had to be counted first. */
  observe?(target: Target, outcome: Outcome): void;
  /** What the algorithm holds of a target, for people: a score, a count. Names in the words of the docs. */
  describeTarget?(target: Target): Readonly<Record<string, number>>;
  /** Stops timers. */
  close?(): void;
}

/** What an algorithm may be told by the config. */
export interface BalancerSettings {
  readonly semantic?: SemanticSettings;
  /** Header whose value consistent-hashing keeps on one target, in lower case. */
  readonly hashOnHeader: string;
  /** Points of the ring of consistent-hashing. */
  readonly slots: number;
  readonly latencyStrategy: "tpot" | "e2e";
  readonly tokensCountStrategy:
    | "total-tokens"
    | "prompt-tokens"
    | "completion-tokens"
    | "cost"
    | "llm-accuracy";
  /** Time in which what lowest-usage remembers loses half of its weight, in milliseconds. */
  readonly usageHalfLifeMs: number;
  /** The connect and read timeouts, for algorithms that count a failure as a slow answer, in milliseconds. */
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
}

export interface SemanticSettings {
  /** Largest distance that still matches. */
  readonly threshold: number;
  readonly metric: "cosine" | "euclidean";
  /** How many of the user's last messages are embedded together. */
  readonly messageCountback: number;
  readonly inheritFollowUps: boolean;
  /** Inside a group: `weighted` shares by weight, `strict` always takes the heaviest left, or another algorithm. */
  readonly groupPolicy:
    | "weighted"
    | "strict"
    | "consistent-hashing"
    | "least-connections"
    | "lowest-latency"
    | "lowest-usage";
  /** What happens when no embedding can be had. */
  readonly onError: "fallback" | "fail";
  /** USD per 1M tokens of prompt embedding; undefined = unknown, which is not free. */
  readonly embeddingCost: number | undefined;
}

/**
 * What is remembered of a target beyond the life of a balancer: the same object for the same content (`Target.id`) of
 * the same plugin instance, across reloads; dropped when no running config has the target any more.
 */
export interface TargetMemory {
  of<State extends object>(target: Target, create: () => State): State;
  /**
   * Has a state that was asked for with `of` known to the other processes that serve the same config, and theirs known
   * to it: `hear` is called at once where something was heard already. Sharing it again replaces what was given before.
   */
  share(target: Target, shared: SharedState): Telling;
}

/** What a process tells of a state. Times are by the teller's own clock; what is missing at the end counts as 0. */
export type Row = readonly number[];

/** What another process has told. */
export interface Heard {
  readonly row: Row;
  /** To be added to a time in it, to have it by our own clock, in milliseconds. */
  readonly clockOffsetMs: number;
  /** False: that process has ended, and so has what it had under way. */
  readonly isAlive: boolean;
}

export interface SharedState {
  /** What this process alone knows. */
  tell(): Row;
  /** Everything the others have told, one row each, in place of what was heard before; usually at most `delayMs` old. */
  hear(heard: readonly Heard[], delayMs: number): void;
}

/** To be called after a state has changed. */
export interface Telling {
  /** The others are to know soon. */
  changed(): void;
  /** They are to know at once. */
  changedNow(): void;
}

/** What an algorithm may use of the world. Tests pass fakes. */
export interface BalancerServices {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Private to the algorithm. */
  readonly memory: TargetMemory;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly log: Logger;
  /** Only where the config has embeddings. */
  readonly semantic?: SemanticServices;
}

export interface SemanticServices {
  readonly embedding: EmbeddingHandle;
  readonly descriptions: DescriptionVectors;
  /** Chooses inside a group, where `groupPolicy` names an algorithm. */
  readonly inner?: Balancer | undefined;
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
