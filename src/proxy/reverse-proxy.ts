/** A route without an AI plugin: a plain streaming reverse proxy to its service. */
import { PassThrough, type Readable } from "node:stream";
import { GatewayError } from "../errors.ts";
import type { Attempt, Exchange } from "../http/exchange.ts";
import { forwardRequestHeaders, forwardResponseHeaders } from "../http/headers.ts";
import type { BodyStream, Reply, ReplyHeaders } from "../http/reply.ts";
import type { UpstreamCall, UpstreamClient, UpstreamResponse } from "../http/upstream-client.ts";
import { UpstreamError } from "../http/upstream-error.ts";
import type { UpstreamTls } from "../http/upstream-tls.ts";
import { buildUpstreamPath, type RouteMatch } from "../router/router.ts";
import { upstreamClientError } from "./failure.ts";
import { type HostAttempt, type HostAttempts, type ServiceUpstream, singleHost } from "./service-hosts.ts";
import { watchBody } from "./watched-body.ts";

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
  /** For https, where the upstream's certificate is not just checked as usual. */
  readonly tls?: UpstreamTls | undefined;
}

export interface ReverseProxyServices {
  readonly now: () => number;
  readonly upstream: UpstreamClient;
}

/**
 * Relays the request and its answer byte by byte. `upstream`: the hosts that the service's own stands for. Throws
 * `GatewayError` when no answer can be had.
 */
export async function proxyToService(
  exchange: Exchange,
  match: RouteMatch,
  service: ProxyService,
  services: ReverseProxyServices,
  upstream?: ServiceUpstream,
): Promise<Reply> {
  if (service.protocol !== "http" && service.protocol !== "https")
    throw new GatewayError("no_service", { route: match.route.name ?? match.route.id });
  const hosts = upstream?.open(exchange, match) ?? singleHost(service);
  const first = hosts.next();
  if (first === undefined) throw noPeer(hosts.retryInMs);
  return tryHosts(first, hosts, prepareRequest(exchange, match, service), services);
}

async function tryHosts(
  first: HostAttempt,
  hosts: HostAttempts,
  request: PreparedRequest,
  services: ReverseProxyServices,
): Promise<Reply> {
  let host = first;
  for (let left = request.service.retries; ; left--) {
    try {
      return await tryHost(host, request, services);
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      // The body is a stream: it can be sent again only while none of it has been read.
      const next = error.sent || left <= 0 ? undefined : hosts.next();
      if (next === undefined) throw upstreamClientError(error);
      host = next;
    }
  }
}

/** What is the same whatever host it goes to. */
interface PreparedRequest {
  readonly exchange: Exchange;
  readonly service: ProxyService;
  readonly preserveHost: boolean;
  /** Without the query. */
  readonly uri: string;
  readonly call: Omit<UpstreamCall, "origin" | "headers">;
}

function prepareRequest(exchange: Exchange, match: RouteMatch, service: ProxyService): PreparedRequest {
  const request = exchange.onward.toService;
  const uri = buildUpstreamPath(service.path, match, match.route.pathHandling);
  const hasBody =
    request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined;
  const call = {
    path: request.query === "" ? uri : `${uri}?${request.query}`,
    method: request.method,
    body: hasBody ? (request.bytes ?? detached(request.body)) : null,
    connectTimeoutMs: service.connectTimeoutMs,
    writeTimeoutMs: service.writeTimeoutMs,
    readTimeoutMs: service.readTimeoutMs,
    tls: service.tls,
  };
  return { exchange, service, preserveHost: match.route.preserveHost, uri, call };
}

/** One attempt. Rejects with `UpstreamError`, or with the reason why nobody waits any more. */
async function tryHost(
  host: HostAttempt,
  request: PreparedRequest,
  { now, upstream }: ReverseProxyServices,
): Promise<Reply> {
  const { exchange, service, uri } = request;
  const startedAt = now();
  const attempt: Attempt = { host: host.host, port: host.port, scheme: service.protocol, uri, startedAt };
  exchange.attempts.push(attempt);
  try {
    const response = await upstream.send(callTo(host, request), exchange.cancellation);
    attempt.headMs = now() - startedAt;
    attempt.status = response.status;
    const headers = forwardResponseHeaders(response.headers);
    if (host.setCookie !== undefined) addCookie(headers, host.setCookie);
    const body = host.end === undefined ? response.body : watch(response, host.end, () => now() - startedAt);
    return { status: response.status, headers, body };
  } catch (error) {
    const latencyMs = now() - startedAt;
    attempt.endMs = latencyMs;
    if (error instanceof UpstreamError) attempt.failure = error.kind;
    host.end?.(
      error instanceof UpstreamError
        ? { ok: false, failure: error.kind, latencyMs }
        : { ok: false, aborted: true, latencyMs },
    );
    throw error;
  }
}

function callTo(host: HostAttempt, { call, exchange, preserveHost, service }: PreparedRequest): UpstreamCall {
  const { trace } = exchange;
  const headers = forwardRequestHeaders(exchange.onward.toService, {
    preserveHost,
    scheme: exchange.request.scheme,
    trustsClient: exchange.request.isTrusted,
    upstreamHost: host.hostHeader ?? hostHeader(host, service.protocol),
  });
  return {
    ...call,
    origin: `${service.protocol}://${hostInUrl(host.host)}:${host.port}`,
    headers: trace === undefined ? headers : trace.attemptHeaders(headers),
  };
}

/** The answer's body; its end is the attempt's. */
function watch(
  { body, status }: UpstreamResponse,
  end: NonNullable<HostAttempt["end"]>,
  latencyMs: () => number,
): BodyStream {
  return watchBody(body, (how) => {
    const told = { status, latencyMs: latencyMs() };
    if (how === "cut") end({ ok: false, failure: "stream", ...told });
    else if (status >= 500) end({ ok: false, failure: `http_${status}`, ...told });
    else end({ ok: how === "ended", ...(how === "left" && { aborted: true }), ...told });
  });
}

/** Kong's words and status for an upstream of which nothing may be used. */
function noPeer(retryInMs: number | undefined): GatewayError {
  if (retryInMs === undefined) return new GatewayError("no_peer");
  return new GatewayError("no_peer", {}, { retryAfterSeconds: Math.max(1, Math.ceil(retryInMs / 1000)) });
}

function addCookie(headers: ReplyHeaders, cookie: string): void {
  const known = headers["set-cookie"];
  headers["set-cookie"] = known === undefined ? cookie : [known, cookie].flat();
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

function hostHeader({ host, port }: HostAttempt, protocol: string): string {
  const isDefaultPort = port === (protocol === "https" ? 443 : 80);
  return isDefaultPort ? hostInUrl(host) : `${hostInUrl(host)}:${port}`;
}
