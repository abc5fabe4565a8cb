/** One frozen record per exchange, in the shape of Kong's log entry plus the routing decision. */

import type { Exchange } from "../http/exchange.ts";
import type { ExchangeEnd } from "../http/listener.ts";
import type { AiFacts, TriedTarget } from "../llm/ai-facts.ts";
import type { RoutingDecision } from "../llm/routing-decision.ts";
import type { Usage } from "../llm/usage.ts";
import { redactHeaders, redactQuery } from "./redact.ts";

export interface AccessRecord {
  readonly request: {
    readonly id: string;
    readonly method: string;
    readonly uri: string;
    /** As the client addressed it, without the query. */
    readonly url: string;
    readonly querystring: Readonly<Record<string, string>>;
    readonly headers: Readonly<Record<string, string>>;
    /** Of the body as declared; bytes. */
    readonly size: number;
  };
  readonly response: {
    readonly status: number;
    readonly size: number;
    readonly headers: Readonly<Record<string, string>>;
  };
  /** Milliseconds. `proxy`: to the upstream's head; `kong`: our own part; `receive`: reading the answer. */
  readonly latencies: {
    readonly request: number;
    readonly kong: number;
    readonly proxy: number;
    readonly receive: number;
  };
  readonly tries: readonly TryRecord[];
  readonly service?: { readonly name: string };
  readonly route?: { readonly name: string };
  readonly client_ip: string;
  readonly started_at: number;
  readonly upstream_status?: number;
  readonly upstream_uri?: string;
  /** Who made the answer: the upstream, or the gateway itself. */
  readonly source: "upstream" | "kong";
  readonly client_aborted?: true;
  readonly error?: string;
  readonly ai?: { readonly proxy: AiRecord };
}

interface TryRecord {
  readonly ip: string;
  readonly port: number;
  readonly balancer_start: number;
  readonly balancer_latency: number;
  readonly status?: number;
  readonly failure?: string;
  readonly target?: string;
}

interface AiRecord {
  readonly meta: {
    readonly plugin_id: string;
    readonly provider_name?: string;
    readonly request_model?: string;
    readonly response_model?: string;
    readonly llm_latency?: number;
    readonly request_mode: "oneshot" | "stream";
    readonly finish_reason?: string;
    readonly stream_error?: string;
    readonly warnings?: readonly string[];
  };
  readonly usage?: UsageRecord;
  readonly payload?: { readonly request?: string; readonly response?: string };
  readonly tried_targets: readonly TriedTarget[];
  /** Ours: why the request went where it went. */
  readonly routing?: RoutingDecision & { readonly algorithm: string };
}

interface UsageRecord {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details?: { readonly cached_tokens?: number };
  readonly completion_tokens_details?: { readonly reasoning_tokens?: number };
  /** USD. 0 where prices are unset, as Kong writes it; `cost_known` tells the two apart. */
  readonly cost: number;
  readonly cost_known: boolean;
  readonly estimated?: true;
  /** Milliseconds. */
  readonly time_per_token?: number;
  readonly time_to_first_token?: number;
}

/** Builds the record after the last byte. `now` is monotonic milliseconds. */
export function buildAccessRecord(
  exchange: Exchange,
  end: ExchangeEnd,
  now: number,
  error: Error | undefined,
): AccessRecord {
  const { request, attempts, ai } = exchange;
  const total = now - exchange.startedAt;
  const last = attempts.at(-1);
  const upstreamHead = attempts.reduce((sum, attempt) => sum + (attempt.headMs ?? 0), 0);
  const receive = last?.headMs === undefined ? 0 : Math.max(0, now - last.startedAt - last.headMs);
  return {
    request: {
      id: exchange.id,
      method: request.method,
      uri: request.path,
      url: `http://${String(request.headers["host"] ?? "")}${request.path}`,
      querystring: redactQuery(request.query),
      headers: redactHeaders(request.headers),
      size: Number(request.headers["content-length"] ?? 0),
    },
    response: { status: end.status, size: end.bytesSent, headers: redactHeaders(end.headers) },
    latencies: {
      request: round(total),
      kong: round(Math.max(0, total - upstreamHead - receive)),
      proxy: round(upstreamHead),
      receive: round(receive),
    },
    tries: attempts.map((attempt) => ({
      ip: attempt.host,
      port: attempt.port,
      balancer_start: Math.round(exchange.startedAtMs + attempt.startedAt - exchange.startedAt),
      balancer_latency: round(attempt.headMs ?? 0),
      ...(attempt.status !== undefined && { status: attempt.status }),
      ...(attempt.failure !== undefined && { failure: attempt.failure }),
      ...(attempt.target !== undefined && { target: attempt.target }),
    })),
    ...(exchange.service !== undefined && { service: exchange.service }),
    ...(exchange.route !== undefined && {
      route: { name: exchange.route.route.name ?? exchange.route.route.id },
    }),
    client_ip: request.clientIp,
    started_at: exchange.startedAtMs,
    ...(last?.status !== undefined && { upstream_status: last.status }),
    ...(last !== undefined && { upstream_uri: last.uri }),
    source: last?.status === undefined || error !== undefined ? "kong" : "upstream",
    ...(end.clientAborted && { client_aborted: true }),
    ...(error !== undefined && { error: error.message }),
    ...(ai !== undefined && { ai: { proxy: aiRecord(ai) } }),
  };
}

function aiRecord(facts: AiFacts): AiRecord {
  return {
    meta: {
      plugin_id: facts.pluginId,
      ...(facts.provider !== undefined && { provider_name: facts.provider }),
      ...(facts.requestModel !== undefined && { request_model: facts.requestModel }),
      ...(facts.responseModel !== undefined && { response_model: facts.responseModel }),
      ...(facts.llmLatencyMs !== undefined && { llm_latency: Math.round(facts.llmLatencyMs) }),
      request_mode: facts.mode,
      ...(facts.finishReason !== undefined && { finish_reason: facts.finishReason }),
      ...(facts.streamError !== undefined && { stream_error: facts.streamError }),
      ...(facts.warnings !== undefined && { warnings: facts.warnings }),
    },
    ...(facts.usage !== undefined && { usage: usageRecord(facts.usage, facts) }),
    ...(facts.payload !== undefined && { payload: facts.payload }),
    tried_targets: facts.tried,
    ...(facts.decision !== undefined && { routing: { algorithm: facts.algorithm, ...facts.decision } }),
  };
}

function usageRecord(usage: Usage, facts: AiFacts): UsageRecord {
  const perToken =
    usage.outputTokens > 0 && facts.llmLatencyMs !== undefined
      ? facts.llmLatencyMs / usage.outputTokens
      : undefined;
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    ...(usage.cachedInputTokens !== undefined && {
      prompt_tokens_details: { cached_tokens: usage.cachedInputTokens },
    }),
    ...(usage.reasoningTokens !== undefined && {
      completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
    }),
    cost: facts.costUsd ?? 0,
    cost_known: facts.costUsd !== undefined,
    ...(usage.estimated === true && { estimated: true }),
    ...(perToken !== undefined && { time_per_token: round(perToken) }),
    ...(facts.timeToFirstTokenMs !== undefined && { time_to_first_token: round(facts.timeToFirstTokenMs) }),
  };
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
