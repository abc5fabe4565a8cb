/** One attempt made ready: canonical request → vendor request with options, headers and credentials. */
import type { Attempt } from "../http/exchange.ts";
import { aiRequestHeaders } from "../http/headers.ts";
import type { UpstreamCall } from "../http/upstream-client.ts";
import type { TriedTarget } from "../llm/ai-facts.ts";
import type { ChatCall } from "./chat-call.ts";
import { addCredentials, hasCredentials } from "./credentials.ts";
import { automatic } from "./model-choice.ts";
import { mergeOptions } from "./options.ts";
import type { ProxyTarget, ResolvedTarget } from "./target.ts";

export interface CallPlan {
  readonly target: ProxyTarget;
  readonly resolved: ResolvedTarget;
  readonly call: UpstreamCall;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  /** Notes the head of the answer. */
  answered(status: number): void;
  /** Notes why the attempt gave no usable answer. */
  failed(reason: string): void;
}

/** Always starts from the client's original body, so that nothing of one vendor's dialect reaches the next. Throws `GatewayError`. */
export function planCall(call: ChatCall, target: ProxyTarget): CallPlan {
  const { settings, services, exchange, client, request, facts } = call;
  const resolved = target.resolve(client, modelNamed(request.model, target));
  const { model } = resolved;
  const asked = request.stream === call.isStream ? request : { ...request, stream: call.isStream };
  const encoded = target.chat.encode(mergeOptions(asked, model.options, target.optionsMode), model);
  const headers = aiRequestHeaders(exchange.request.headers, {
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
  // An earlier target's must not be taken for this one's.
  if (facts.warnings !== undefined) delete facts.warnings;
  if (facts.payload !== undefined) delete facts.payload;
  if (encoded.warnings !== undefined && encoded.warnings.length > 0) facts.warnings = encoded.warnings;
  if (target.logPayloads) facts.payload = { request: JSON.stringify(encoded.body) };

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
  return {
    target,
    resolved,
    startedAt,
    call: {
      origin: resolved.origin,
      path: signed.path,
      method: "POST",
      headers: signed.headers,
      body,
      connectTimeoutMs: settings.connectTimeoutMs,
      readTimeoutMs: settings.readTimeoutMs,
    },
    answered(status) {
      attempt.status = status;
      attempt.headMs = services.now() - startedAt;
      tried.status = status;
    },
    failed(reason) {
      attempt.failure = reason;
      tried.failure = reason;
    },
  };
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
    port: resolved.port,
    upstream_scheme: resolved.scheme,
    upstream_uri: resolved.uri,
  };
}
