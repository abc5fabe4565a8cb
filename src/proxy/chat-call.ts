/** What the parts of the chat proxy share while one request is on its way. */
import type { Baselines } from "../accounting/baselines.ts";
import type { BalanceRequest } from "../balancer/balancer.ts";
import type { TargetPool } from "../balancer/pool.ts";
import type { Cancellation } from "../http/cancellation.ts";
import type { Exchange } from "../http/exchange.ts";
import type { UpstreamClient } from "../http/upstream-client.ts";
import type { AiFacts } from "../llm/ai-facts.ts";
import type { ChatRequest } from "../llm/chat.ts";
import type { CountTokens } from "../llm/token-counter.ts";
import type { Schedule } from "../util/schedule.ts";
import type { ClientView } from "./client-view.ts";
import type { FailoverRules } from "./failover.ts";
import type { ProxyTarget } from "./target.ts";
import type { Deadline } from "./total-timeout.ts";

export interface ChatProxySettings {
  readonly pluginId: string;
  readonly plugin: string;
  readonly algorithm: string;
  readonly targets: readonly ProxyTarget[];
  readonly pool: TargetPool<ProxyTarget>;
  readonly rules: FailoverRules;
  /** Attempts after the first. */
  readonly retries: number;
  readonly connectTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly readTimeoutMs: number;
  /** Bound on all attempts and the whole answer, in milliseconds; 0: none. */
  readonly totalTimeoutMs: number;
  /** How long a stream is held back for its first content, in milliseconds; 0: not at all. */
  readonly streamHoldMs: number;
  /** Bytes; 0 = no limit. */
  readonly maxRequestBodySize: number;
  readonly modelNameHeader: boolean;
  readonly responseStreaming: "allow" | "deny" | "always";
  readonly includeSystem: boolean;
  /** What its costs are compared with. */
  readonly baselines: Baselines;
  /** A random share of the requests that goes to the strongest of them, 0…1. */
  readonly holdout: number;
  readonly embeddingsProvider: AiFacts["embeddingsProvider"];
}

export interface ChatProxyServices {
  readonly now: () => number;
  readonly wallClock: () => number;
  readonly upstream: UpstreamClient;
  readonly schedule: Schedule;
  /** For answers that their vendor has not counted. */
  readonly countTokens: CountTokens;
}

/** One request on its way through the attempt loop. */
export interface ChatCall {
  readonly settings: ChatProxySettings;
  readonly services: ChatProxyServices;
  readonly exchange: Exchange;
  readonly client: ClientView;
  readonly request: ChatRequest;
  /** The client is answered with server-sent events. */
  readonly isStream: boolean;
  readonly facts: AiFacts;
  readonly routing: BalanceRequest;
  /** Monotonic milliseconds at which the request had been read. */
  readonly startedAt: number;
  /** The client is gone, or the time is up. */
  readonly cancellation: Cancellation;
  /** Only with `totalTimeoutMs`. Released by whoever has the last byte. */
  readonly deadline: Deadline | undefined;
}
