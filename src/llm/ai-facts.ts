/** What is known of an exchange with a model; filled by the proxy as it happens, read by records and metrics. */

import type { Usage } from "../llm/usage.ts";
import type { BudgetFacts } from "./budget-facts.ts";
import type { RequestParameters } from "./request-parameters.ts";
import type { RoutingDecision } from "./routing-decision.ts";

export interface AiFacts {
  readonly pluginId: string;
  /** The plugin's name in the config. */
  readonly plugin: string;
  /** `config.balancer.algorithm`. */
  readonly algorithm: string;
  readonly routeType: string;
  /** Monotonic milliseconds at which the request had been read; the times below count from here. */
  readonly startedAt?: number;
  mode: "oneshot" | "stream";
  /** Of the target that answered, or was tried last. */
  provider?: string;
  requestModel?: string;
  /** What else was asked of the model. Set for exchanges that are traced. */
  parameters?: RequestParameters;
  responseModel?: string;
  /** The vendor's id of the answer. */
  responseId?: string;
  decision?: RoutingDecision;
  /** Of the last attempt. */
  usage?: Usage;
  /** Tokens are being estimated: they and what they cost are there when it resolves. Never rejects. */
  counting?: Promise<void>;
  /** USD, of all attempts; undefined where a price is unknown, which is not the same as free. */
  costUsd?: number;
  /** Whose price the last attempt had. */
  /** Set where a budget applied. */
  budget?: BudgetFacts;
  priceSource?: "config" | "table";
  /** What the answer's tokens would have cost elsewhere. Absent where none is known to have been used. */
  baselines?: readonly BaselineCost[];
  /** Where a random share goes to the baseline: whether this one did. */
  isHeldOut?: boolean;
  /** Milliseconds from the parsed request to the whole answer. */
  llmLatencyMs?: number;
  timeToFirstTokenMs?: number;
  finishReason?: string;
  /** What the vendor could not honour. */
  warnings?: readonly string[];
  /** How a stream ended, when not well. */
  streamError?: string;
  /** Only with `log_payloads`. */
  payload?: { request?: string; response?: string };
  /** The credentials of the target tried last, which no record may show. Only with `log_payloads`. */
  secrets?: readonly string[];
  /** Whose vectors the decision was made with; "" where the algorithm does not look at the prompt. */
  readonly embeddingsProvider: string;
  readonly tried: TriedTarget[];
  /** Set where no target could be tried: which of them were left out, and for how long. */
  unavailable?: readonly UnavailableTarget[];
}

/** One entry of `ai.proxy.unavailable_targets`. */
export interface UnavailableTarget {
  /** `provider/model` */
  readonly target: string;
  /** open: it has failed · half-open: one request is trying it · unhealthy: the health check says so · cooling: its vendor asked. */
  readonly state: "open" | "half-open" | "unhealthy" | "cooling";
  readonly retry_in_ms: number;
}

/** One entry of `ai.proxy.tried_targets`. */
export interface TriedTarget {
  readonly provider: string;
  readonly model: string;
  readonly route_type: string;
  readonly host: string;
  /** The host too: which of its addresses was called is the connection's to know. */
  readonly ip: string;
  readonly port: number;
  readonly upstream_scheme: string;
  readonly upstream_uri: string;
  /** Ours: the answer's status. */
  status?: number;
  /** Ours: why it gave no good answer, as exactly as it is known, e.g. `refused`, `read_timeout`, `http_429`, `stream_cut`. */
  failure?: string;
  /** Ours: the same as the circuit breaker sees it: nginx's words, or `unusable`, or `stream`. */
  failure_kind?: string;
  /** Ours: from sending to the last byte, or to the failure, in milliseconds. */
  latency_ms?: number;
  /** What it has used; records show it in words of their own. Absent where nothing is known to have been used. */
  spend?: AttemptSpend;
}

/** What an exchange would have cost under another policy. */
export interface BaselineCost {
  /** `strongest`, `cheapest`, or `target:` and the name of one. */
  readonly name: string;
  /** Whole pico-USD; undefined where a price is unknown. */
  readonly costPicoUsd: number | undefined;
}

/** What an attempt has used, and what that costs. */
export interface AttemptSpend {
  readonly usage: Usage;
  /** USD, a whole number of pico-USD; undefined where the price is unknown. */
  readonly costUsd?: number;
  /** Whose price that is; set where `costUsd` is. */
  readonly priceSource?: "config" | "table";
}

/** What all attempts have cost together, in USD; undefined where nothing was used, or a price of it is unknown. */
export function costOfAttempts(tried: readonly TriedTarget[]): number | undefined {
  let total: number | undefined;
  for (const { spend } of tried) {
    if (spend === undefined) continue;
    if (spend.costUsd === undefined) return undefined;
    total = (total ?? 0) + spend.costUsd;
  }
  return total;
}
