/** One frozen record per exchange, in the shape of Kong's log entry plus the routing decision. */

import type { ClientRequest, Exchange, ServiceRecord } from "../http/exchange.ts";
import type { ExchangeEnd } from "../http/listener.ts";
import type { AiFacts, TriedTarget, UnavailableTarget } from "../llm/ai-facts.ts";
import type { BudgetFacts } from "../llm/budget-facts.ts";
import type { RoutingDecision } from "../llm/routing-decision.ts";
import type { Usage } from "../llm/usage.ts";
import type { RouteMatch } from "../router/router.ts";
import { redactHeaders, redactQuery } from "./redact.ts";
import { redactText, shownSecrets } from "./redact-text.ts";

const workspace = "default";

/**
 * Fields without a value are present as `undefined`, which JSON leaves out: objects of one shape are built and written
 * out faster than objects put together from what there is.
 */
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
    /** Of the client's connection. */
    readonly tls?: TlsRecord | undefined;
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
  readonly service?: ServiceRecord | undefined;
  readonly route?: RouteRecord | undefined;
  readonly consumer?: ConsumerRecord | undefined;
  /** The credential by which the consumer was known. */
  readonly authenticated_entity?: { readonly id: string } | undefined;
  readonly client_ip: string;
  readonly started_at: number;
  readonly upstream_status?: number | undefined;
  readonly upstream_uri?: string | undefined;
  /** Who made the answer: the upstream, or the gateway itself. */
  readonly source: "upstream" | "kong";
  /** There is one workspace; readers of Kong's entry look for its name. */
  readonly workspace: string;
  readonly workspace_name: string;
  readonly client_aborted?: true | undefined;
  readonly error?: string | undefined;
  readonly ai?: { readonly proxy: AiRecord } | undefined;
}

interface TlsRecord {
  readonly version: string;
  readonly cipher: string;
  /** Clients are asked for no certificate; nginx's word for that. */
  readonly client_verify: "NONE";
}

interface RouteRecord {
  readonly id: string;
  /** Its id where it has no name. */
  readonly name: string;
  readonly hosts?: readonly string[] | undefined;
  readonly methods?: readonly string[] | undefined;
  readonly paths?: readonly string[] | undefined;
}

interface ConsumerRecord {
  readonly id: string;
  readonly username?: string | undefined;
  readonly custom_id?: string | undefined;
}

interface TryRecord {
  /** The host as the config has it: which of its addresses was called is the connection's to know. */
  readonly ip: string;
  readonly port: number;
  readonly balancer_start: number;
  readonly balancer_latency: number;
  readonly status?: number | undefined;
  readonly failure?: string | undefined;
  readonly target?: string | undefined;
}

interface AiRecord {
  readonly meta: {
    readonly plugin_id: string;
    readonly provider_name?: string | undefined;
    readonly request_model?: string | undefined;
    readonly response_model?: string | undefined;
    readonly llm_latency?: number | undefined;
    readonly request_mode: "oneshot" | "stream";
    readonly finish_reason?: string | undefined;
    readonly stream_error?: string | undefined;
    readonly warnings?: readonly string[] | undefined;
  };
  readonly usage?: UsageRecord | undefined;
  /** Only with `log_payloads`, and without secrets. */
  readonly payload?:
    | { readonly request: string | undefined; readonly response: string | undefined }
    | undefined;
  readonly tried_targets: readonly TriedRecord[];
  /** Ours: why none could be tried. */
  readonly unavailable_targets?: readonly UnavailableTarget[] | undefined;
  /** Ours: which budgets applied, and what is left of them. */
  readonly budget?: BudgetFacts | undefined;
  /** Ours: why the request went where it went. */
  readonly routing?: (RoutingDecision & { readonly algorithm: string }) | undefined;
}

/** One entry of `tried_targets`, with what it used where several were tried. */
type TriedRecord = Omit<TriedTarget, "spend"> & { readonly usage?: AttemptUsageRecord };

type AttemptUsageRecord = Pick<
  UsageRecord,
  "prompt_tokens" | "completion_tokens" | "total_tokens" | "cost" | "cost_known" | "estimated"
>;

/** Tokens of the answer; the cost is that of all attempts. */
interface UsageRecord {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details?: PromptTokens | undefined;
  readonly completion_tokens_details?: CompletionTokens | undefined;
  /** USD. 0 where prices are unset, as Kong writes it; `cost_known` tells the two apart. */
  readonly cost: number;
  readonly cost_known: boolean;
  /** Ours: whose price the cost was worked out with. */
  readonly price_source?: "config" | "table" | undefined;
  /** Ours: the tier the vendor says it used. */
  readonly service_tier?: string | undefined;
  readonly estimated?: true | undefined;
  /** Milliseconds. */
  readonly time_per_token?: number | undefined;
  readonly time_to_first_token?: number | undefined;
}

interface PromptTokens {
  readonly cached_tokens: number | undefined;
  readonly audio_tokens: number | undefined;
  /** Ours. */
  readonly cache_write_tokens: number | undefined;
}

interface CompletionTokens {
  readonly reasoning_tokens: number | undefined;
  readonly audio_tokens: number | undefined;
  readonly accepted_prediction_tokens: number | undefined;
  readonly rejected_prediction_tokens: number | undefined;
}

export interface RecordFacts {
  readonly end: ExchangeEnd;
  /** Monotonic milliseconds. */
  readonly now: number;
  readonly error: Error | undefined;
  /** Lower-case names of headers and parameters that hold credentials, beside those whose name says so. */
  readonly credentialNames: ReadonlySet<string>;
}

/** Builds the record after the last byte. */
export function buildAccessRecord(exchange: Exchange, facts: RecordFacts): AccessRecord {
  const { request, attempts, ai, consumer } = exchange;
  const { credentialNames, end, error, now } = facts;
  const total = now - exchange.startedAt;
  const last = attempts.at(-1);
  const upstreamHead = attempts.reduce((sum, attempt) => sum + (attempt.headMs ?? 0), 0);
  const receive = last?.headMs === undefined ? 0 : Math.max(0, now - last.startedAt - last.headMs);
  return {
    request: {
      id: exchange.id,
      method: request.method,
      uri: request.path,
      url: `${request.scheme}://${String(request.headers["host"] ?? "")}${request.path}`,
      querystring: redactQuery(request.query, credentialNames),
      headers: redactHeaders(request.headers, credentialNames),
      size: Number(request.headers["content-length"] ?? 0),
      tls: tlsRecord(request),
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
      status: attempt.status,
      failure: attempt.failure,
      target: attempt.target,
    })),
    service: exchange.service,
    route: exchange.route === undefined ? undefined : routeRecord(exchange.route),
    consumer:
      consumer === undefined
        ? undefined
        : { id: consumer.id, username: consumer.username, custom_id: consumer.customId },
    authenticated_entity: exchange.credential,
    client_ip: request.clientIp,
    started_at: exchange.startedAtMs,
    upstream_status: last?.status,
    upstream_uri: last?.uri,
    source: last?.status === undefined || error !== undefined ? "kong" : "upstream",
    workspace,
    workspace_name: workspace,
    client_aborted: end.clientAborted ? true : undefined,
    error: error?.message,
    ai: ai === undefined ? undefined : { proxy: aiRecord(ai, payloadOf(ai, request, credentialNames)) },
  };
}

function tlsRecord({ tls }: ClientRequest): TlsRecord | undefined {
  return tls === undefined ? undefined : { version: tls.version, cipher: tls.cipher, client_verify: "NONE" };
}

function routeRecord({ route: { hosts, id, methods, name, paths } }: RouteMatch): RouteRecord {
  return { id, name: name ?? id, hosts, methods, paths };
}

/** Without a payload, which is the rule, nothing is looked for. */
function payloadOf(
  { payload, secrets = [] }: AiFacts,
  request: ClientRequest,
  credentialNames: ReadonlySet<string>,
): AiRecord["payload"] {
  if (payload === undefined) return undefined;
  const values = [...secrets, ...shownSecrets(request, credentialNames)];
  return {
    request: payload.request === undefined ? undefined : redactText(payload.request, values),
    response: payload.response === undefined ? undefined : redactText(payload.response, values),
  };
}

function aiRecord(facts: AiFacts, payload: AiRecord["payload"]): AiRecord {
  return {
    meta: {
      plugin_id: facts.pluginId,
      provider_name: facts.provider,
      request_model: facts.requestModel,
      response_model: facts.responseModel,
      llm_latency: facts.llmLatencyMs === undefined ? undefined : Math.round(facts.llmLatencyMs),
      request_mode: facts.mode,
      finish_reason: facts.finishReason,
      stream_error: facts.streamError,
      warnings: facts.warnings,
    },
    usage: facts.usage === undefined && facts.costUsd === undefined ? undefined : usageRecord(facts),
    payload,
    tried_targets: facts.tried.map((tried) => triedRecord(tried, facts)),
    unavailable_targets: facts.unavailable,
    budget: facts.budget,
    routing: facts.decision === undefined ? undefined : { algorithm: facts.algorithm, ...facts.decision },
  };
}

/** What a replaced attempt has used shows nowhere else. */
function triedRecord({ spend, ...tried }: TriedTarget, { tried: all }: AiFacts): TriedRecord {
  if (spend === undefined || all.length === 1) return tried;
  const { usage, costUsd } = spend;
  return {
    ...tried,
    usage: {
      prompt_tokens: usage.inputTokens,
      completion_tokens: usage.outputTokens,
      total_tokens: usage.inputTokens + usage.outputTokens,
      cost: costUsd ?? 0,
      cost_known: costUsd !== undefined,
      estimated: usage.estimated === true ? true : undefined,
    },
  };
}

const nothingUsed: Usage = Object.freeze({ inputTokens: 0, outputTokens: 0 });

function usageRecord(facts: AiFacts): UsageRecord {
  const { usage = nothingUsed } = facts;
  const perToken =
    usage.outputTokens > 0 && facts.llmLatencyMs !== undefined
      ? facts.llmLatencyMs / usage.outputTokens
      : undefined;
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    prompt_tokens_details: promptTokens(usage),
    completion_tokens_details: completionTokens(usage),
    cost: facts.costUsd ?? 0,
    cost_known: facts.costUsd !== undefined,
    price_source: facts.priceSource,
    service_tier: usage.serviceTier,
    estimated: usage.estimated === true ? true : undefined,
    time_per_token: perToken === undefined ? undefined : round(perToken),
    time_to_first_token: facts.timeToFirstTokenMs === undefined ? undefined : round(facts.timeToFirstTokenMs),
  };
}

function promptTokens(usage: Usage): PromptTokens | undefined {
  const { audioInputTokens, cachedInputTokens, cacheWriteTokens } = usage;
  if ((audioInputTokens ?? cachedInputTokens ?? cacheWriteTokens) === undefined) return undefined;
  return {
    cached_tokens: cachedInputTokens,
    audio_tokens: audioInputTokens,
    cache_write_tokens: cacheWriteTokens,
  };
}

function completionTokens(usage: Usage): CompletionTokens | undefined {
  const { acceptedPredictionTokens, audioOutputTokens, reasoningTokens, rejectedPredictionTokens } = usage;
  if (
    (reasoningTokens ?? audioOutputTokens ?? acceptedPredictionTokens ?? rejectedPredictionTokens) ===
    undefined
  )
    return undefined;
  return {
    reasoning_tokens: reasoningTokens,
    audio_tokens: audioOutputTokens,
    accepted_prediction_tokens: acceptedPredictionTokens,
    rejected_prediction_tokens: rejectedPredictionTokens,
  };
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
