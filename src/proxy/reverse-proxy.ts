/** A route without an AI plugin: a plain streaming reverse proxy to its service. */
import { PassThrough, type Readable } from "node:stream";
import { GatewayError } from "../errors.ts";
import type { Attempt, Exchange } from "../http/exchange.ts";
import { forwardRequestHeaders, forwardResponseHeaders } from "../http/headers.ts";
import type { Reply } from "../http/reply.ts";
import type { UpstreamCall, UpstreamClient } from "../http/upstream-client.ts";
import { UpstreamError } from "../http/upstream-error.ts";
import { buildUpstreamPath, type RouteMatch } from "../router/router.ts";
import { upstreamClientError } from "./failure.ts";

/** A service as the proxy calls it. */
export interface ProxyService {
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  readonly path: string | undefined;
  readonly connectTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly readTimeoutMs: number;
  /** Further tries after a connection that could not be made. */
  readonly retries: number;
}

export interface ReverseProxyServices {
  readonly now: () => number;
  readonly upstream: UpstreamClient;
}

/** Relays the request and its answer byte by byte. Throws `GatewayError` when no answer can be had. */
export async function proxyToService(
  exchange: Exchange,
  match: RouteMatch,
  service: ProxyService,
  services: ReverseProxyServices,
): Promise<Reply> {
  const path = buildUpstreamPath(service.path, match, match.route.pathHandling);
  const call = serviceCall(exchange, match, service, path);
  for (let left = service.retries; ; left--) {
    const attempt: Attempt = {
      host: service.host,
      port: service.port,
      scheme: service.protocol,
      uri: path,
      startedAt: services.now(),
    };
    exchange.attempts.push(attempt);
    try {
      const { trace } = exchange;
      const sent = trace === undefined ? call : { ...call, headers: trace.attemptHeaders(call.headers) };
      const response = await services.upstream.send(sent, exchange.cancellation);
      attempt.headMs = services.now() - attempt.startedAt;
      attempt.status = response.status;
      return {
        status: response.status,
        headers: forwardResponseHeaders(response.headers),
        body: response.body,
      };
    } catch (error) {
      attempt.endMs = services.now() - attempt.startedAt;
      if (!(error instanceof UpstreamError)) throw error;
      attempt.failure = error.kind;
      // The body is a stream: it can be sent again only while none of it has been read.
      if (error.sent || left <= 0) throw upstreamClientError(error);
    }
  }
}

function serviceCall(
  exchange: Exchange,
  match: RouteMatch,
  service: ProxyService,
  path: string,
): UpstreamCall {
  const request = exchange.onward.toService;
  if (service.protocol !== "http" && service.protocol !== "https") {
    throw new GatewayError("no_service", { route: match.route.name ?? match.route.id });
  }
  const hasBody =
    request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined;
  return {
    origin: `${service.protocol}://${hostInUrl(service.host)}:${service.port}`,
    path: request.query === "" ? path : `${path}?${request.query}`,
    method: request.method,
    headers: forwardRequestHeaders(request, {
      preserveHost: match.route.preserveHost,
      upstreamHost: hostHeader(service),
    }),
    body: hasBody ? (request.bytes ?? detached(request.body)) : null,
    connectTimeoutMs: service.connectTimeoutMs,
    writeTimeoutMs: service.writeTimeoutMs,
    readTimeoutMs: service.readTimeoutMs,
  };
}

/**
 * The same bytes in a stream that the upstream client may destroy. It does so when an answer comes before the upload
 * has ended; the client's own stream has to live on then, or its connection could not be read any further.
 */
function detached(body: Readable): Readable {
  const copy = new PassThrough();
  copy.on("error", () => undefined); // whoever reads the copy reports it; nobody may be reading any more
  body.pipe(copy);
  body.once("close", () => {
    if (!body.readableEnded) copy.destroy(new Error("the client left in the middle of its request"));
  });
  return copy;
}

function hostInUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function hostHeader(service: ProxyService): string {
  const isDefaultPort = service.port === (service.protocol === "https" ? 443 : 80);
  return isDefaultPort ? hostInUrl(service.host) : `${hostInUrl(service.host)}:${service.port}`;
}
