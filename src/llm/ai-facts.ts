/** What is known of an exchange with a model; filled by the proxy as it happens, read by records and metrics. */

import type { Usage } from "../llm/usage.ts";
import type { BudgetFacts } from "./budget-facts.ts";
import type { RoutingDecision } from "./routing-decision.ts";

export interface AiFacts {
  readonly pluginId: string;
  /** The plugin's name in the config. */
  readonly plugin: string;
  /** `config.balancer.algorithm`. */
  readonly algorithm: string;
  readonly routeType: string;
  mode: "oneshot" | "stream";
  /** Of the target that answered, or was tried last. */
  provider?: string;
  requestModel?: string;
  responseModel?: string;
  decision?: RoutingDecision;
  usage?: Usage;
  /** USD; undefined where a price is unknown, which is not the same as free. */
  costUsd?: number;
  /** What all attempts have used, failed ones included. */
  readonly spent: Spent[];
  /** Set where a budget applied. */
  budget?: BudgetFacts;
  /** Whose price that was; set where `costUsd` is. */
  priceSource?: "config" | "table";
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
  /** For the metric labels of Kong's names. */
  readonly vectorDb: string;
  readonly embeddingsProvider: string;
  readonly embeddingsModel: string;
  readonly tried: TriedTarget[];
  /** Set where no target could be tried: which of them were left out, and for how long. */
  unavailable?: readonly UnavailableTarget[];
}

/** Of one attempt. */
export interface Spent {
  readonly provider: string;
  /** `provider/model` */
  readonly target: string;
  readonly usage: Usage;
  /** Undefined: unknown. */
  readonly costUsd: number | undefined;
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
}
