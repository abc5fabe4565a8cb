/** One attempt made ready: canonical request → vendor request with options, headers and credentials. */
import type { Outcome, Spent } from "../balancer/balancer.ts";
import type { Lease } from "../balancer/pool.ts";
import type { Attempt } from "../http/exchange.ts";
import { aiRequestHeaders } from "../http/headers.ts";
import type { UpstreamCall } from "../http/upstream-client.ts";
import type { AiFacts, TriedTarget } from "../llm/ai-facts.ts";
import { automatic } from "../llm/automatic-model.ts";
import { requestParameters } from "../llm/request-parameters.ts";
import type { ChatCall } from "./chat-call.ts";
import { addCredentials, hasCredentials, secretsOf } from "./credentials.ts";
import { mergeOptions } from "./options.ts";
import type { ProxyTarget, ResolvedTarget } from "./target.ts";

export interface CallPlan {
  readonly target: ProxyTarget;
  readonly resolved: ResolvedTarget;
  readonly call: UpstreamCall;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  /** The attempt in the facts. */
  readonly tried: TriedTarget;
  /** Notes the head of the answer. */
  answered(status: number): void;
  /**
   * Notes why the attempt gave no usable answer: as exactly as it is known, and in the shorter words of the record's
   * `tries`, where they differ.
   */
  failed(reason: string, short?: string): void;
  /** The attempt is over: tells the pool, and what it has used once that is counted. Only the first call counts. */
  end(end: AttemptEnd, counting?: Promise<Spent>): void;
}

/** How an attempt ended; the time it took is the plan's to know. */
export type AttemptEnd = Omit<Outcome, "latencyMs">;

/**
 * The plan for an attempt that has begun. What cannot be encoded is no fault of the target: then the attempt ends as
 * given up. Throws `GatewayError`.
 */
export function planAttempt(call: ChatCall, lease: Lease<ProxyTarget>): CallPlan {
  const begunAt = call.services.now();
  try {
    return planCall(call, lease);
  } catch (error) {
    lease.end({ ok: false, aborted: true, latencyMs: call.services.now() - begunAt });
    throw error;
  }
}

/** Always starts from the client's original body, so that nothing of one vendor's dialect reaches the next. Throws `GatewayError`. */
function planCall(call: ChatCall, lease: Lease<ProxyTarget>): CallPlan {
  const { target } = lease;
  const { settings, services, exchange, client, request, facts } = call;
  const resolved = target.resolve(client, modelNamed(request.model, target));
  const { model } = resolved;
  const asked = request.stream === call.isStream ? request : { ...request, stream: call.isStream };
  const merged = mergeOptions(asked, model.options, target.optionsMode);
  const encoded = target.chat.encode(merged, model);
  const headers = aiRequestHeaders(exchange.onward.toVendor.headers, {
    keepAuthorization: !hasCredentials(target.credentials),
  });
  // A record of our own, so that it is added to rather than copied.
  Object.assign(headers, resolved.headers, encoded.headers);
  headers["content-type"] = "application/json";
  const unsigned = { headers, path: resolved.path, body: encoded.body };
  const signed = addCredentials(unsigned, target.credentials, { ...client, body: request });
  const body = JSON.stringify(signed.body);

  facts.provider = target.provider.name;
  facts.requestModel = model.name;
  if (exchange.trace !== undefined) facts.parameters = requestParameters(merged);
  if (facts.tried.length > 0) forgetEarlier(facts);
  if (encoded.warnings !== undefined && encoded.warnings.length > 0) facts.warnings = encoded.warnings;
  if (target.logPayloads) {
    facts.payload = { request: JSON.stringify(encoded.body) };
    facts.secrets = secretsOf(target.credentials);
  }

  const startedAt = services.now();
  const tried = describe(target, resolved);
  const attempt: Attempt = {
    host: resolved.host,
    port: resolved.port,
    scheme: resolved.scheme,
    uri: resolved.uri,
    startedAt,
    target: `${target.provider.name}/${model.name}`,
  };
  facts.tried.push(tried);
  exchange.attempts.push(attempt);
  let isOver = false;
  return {
    target,
    resolved,
    startedAt,
    tried,
    call: {
      origin: resolved.origin,
      path: signed.path,
      method: "POST",
      headers: exchange.trace?.attemptHeaders(signed.headers) ?? signed.headers,
      body,
      connectTimeoutMs: settings.connectTimeoutMs,
      writeTimeoutMs: settings.writeTimeoutMs,
      readTimeoutMs: settings.readTimeoutMs,
    },
    answered(status) {
      attempt.status = status;
      attempt.headMs = services.now() - startedAt;
      tried.status = status;
    },
    failed(reason, short = reason) {
      attempt.failure = short;
      tried.failure = reason;
    },
    end(end, counting) {
      if (isOver) return;
      isOver = true;
      const latencyMs = services.now() - startedAt;
      attempt.endMs = latencyMs;
      tried.latency_ms = Math.round(latencyMs * 100) / 100;
      if (end.failure !== undefined) tried.failure_kind = end.failure;
      lease.end({ ...end, latencyMs }, counting);
    },
  };
}

/** An earlier target's must not be taken for this one's. */
function forgetEarlier(facts: AiFacts): void {
  delete facts.warnings;
  delete facts.payload;
  delete facts.usage;
  delete facts.baselines;
  delete facts.priceSource;
  delete facts.responseModel;
  delete facts.responseId;
  delete facts.finishReason;
  delete facts.timeToFirstTokenMs;
}

/** The vendor's model that the client asks for. An alias and `auto` are words between the client and us. */
function modelNamed(model: unknown, target: ProxyTarget): string | undefined {
  const isName = typeof model === "string" && model !== "" && model !== automatic && model !== target.alias;
  return isName ? model : undefined;
}

function describe(target: ProxyTarget, resolved: ResolvedTarget): TriedTarget {
  return {
    provider: target.provider.name,
    model: resolved.model.name,
    route_type: target.routeType,
    host: resolved.host,
    ip: resolved.host,
    port: resolved.port,
    upstream_scheme: resolved.scheme,
    upstream_uri: resolved.uri,
  };
}
