/** The spans of an exchange that is over, from the times and facts it has kept: Kong's names, OpenTelemetry's attributes. */
import type { Attempt } from "../../http/exchange.ts";
import type { TriedTarget } from "../../llm/ai-facts.ts";
import { type EndedExchange, epochMs } from "./ended-exchange.ts";
import { modelSpan } from "./model-span.ts";
import type { Span, Trace } from "./span.ts";

/** The root first, then the others in the order they began. */
export function spansOf(ended: EndedExchange): Trace {
  const { exchange, trace } = ended;
  const attempts = exchange.attempts.map((attempt, index) => attemptSpan(ended, attempt, index));
  const model = exchange.ai === undefined ? [] : [modelSpan(ended, exchange.ai)];
  return {
    traceId: trace.traceId,
    state: trace.parent?.state,
    spans: [rootSpan(ended), ...model, ...attempts],
  };
}

/** The server's side, by the conventions for HTTP servers (semconv 1.45). */
function rootSpan({ endedAt, exchange, record, trace }: EndedExchange): Span {
  const { parent } = trace;
  const { request } = exchange;
  const { headers, size } = record.request;
  const { status } = record.response;
  const [host, port] = hostAndPort(headers["host"]);
  const isKnownMethod = methods.has(request.method);
  const paths = exchange.route?.route.paths;
  const streamError = exchange.ai?.streamError;
  // A client that leaves is no failure of ours, whatever became of the stream then.
  const isBroken = streamError !== undefined && record.client_aborted !== true;
  const isFailed = status >= 500 || isBroken;
  return {
    name: "kong",
    kind: "server",
    spanId: trace.spanId,
    parent: parent === undefined ? undefined : { spanId: parent.spanId, isRemote: true },
    startMs: exchange.startedAtMs,
    endMs: epochMs(exchange, endedAt),
    attributes: {
      "http.request.method": isKnownMethod ? request.method : "_OTHER",
      "http.request.method_original": isKnownMethod ? undefined : request.method,
      "http.request.body.size": size,
      "http.response.status_code": status,
      "http.response.body.size": record.response.size,
      // Which of several paths it was is not noted, and a guess would be worse than none.
      "http.route": paths?.length === 1 ? paths[0] : undefined,
      "url.scheme": request.scheme,
      "url.path": request.path,
      "client.address": request.clientIp,
      "server.address": host,
      "server.port": port,
      "user_agent.original": headers["user-agent"],
      "error.type": isFailed ? (isBroken ? streamError : String(status)) : undefined,
      "kong.request.id": exchange.id,
      "kong.service.name": record.service?.name,
      "kong.route.name": record.route?.name,
      "kong.auth.consumer.name": record.consumer?.username ?? record.consumer?.id,
      "sluice.client_aborted": record.client_aborted,
    },
    error: isFailed ? (record.error ?? streamError ?? "") : undefined,
    events: [],
  };
}

/** The methods that the conventions know: others are a client's words, of which there may be any number. */
const methods = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
  "QUERY",
]);

/** As the client wrote them. */
function hostAndPort(host: string | undefined): readonly [string | undefined, number | undefined] {
  const [, name, port] = /^(\[[^\]]*\]|[^:]+)(?::(\d+))?$/.exec(host ?? "") ?? [];
  return [name, port === undefined ? undefined : Number(port)];
}

/** One upstream call, by the conventions for HTTP clients. Its id is the one the upstream has been told. */
function attemptSpan({ endedAt, exchange, trace }: EndedExchange, attempt: Attempt, index: number): Span {
  const { endMs, failure, headMs, host, port, scheme, startedAt, status, target } = attempt;
  const tried: TriedTarget | undefined = exchange.ai?.tried[index];
  const [path = ""] = attempt.uri.split("?", 1);
  const reason = tried?.failure ?? failure;
  return {
    name: "kong.balancer",
    kind: "client",
    spanId: trace.attemptSpan(index),
    parent: { spanId: trace.spanId, isRemote: false },
    startMs: epochMs(exchange, startedAt),
    endMs: epochMs(exchange, endMs === undefined ? endedAt : startedAt + endMs),
    attributes: {
      "http.request.method": tried === undefined ? exchange.request.method : "POST",
      "http.request.resend_count": index === 0 ? undefined : index,
      "http.response.status_code": status,
      "server.address": host,
      "server.port": port,
      "url.full": `${scheme}://${host}:${port}${path}`,
      "error.type": reason,
      "sluice.attempt": index + 1,
      "sluice.target": target,
      "sluice.failure_kind": tried?.failure_kind,
      "sluice.time_to_head_ms": headMs,
    },
    error: reason,
    events: [],
  };
}
