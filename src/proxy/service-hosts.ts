/** Contract between the reverse proxy and whoever chooses the host that a request goes to. */
import type { Outcome } from "../balancer/balancer.ts";
import type { Exchange } from "../http/exchange.ts";
import type { RouteMatch } from "../router/router.ts";

/** One attempt that has begun. */
export interface HostAttempt {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** Sent as Host header where the client's is not kept; undefined: host and port. */
  readonly hostHeader?: string | undefined;
  /** What the client is to keep, as a `Set-Cookie` header. */
  readonly setCookie?: string | undefined;
  /** To be called once, when the last byte has come or the attempt has failed. Absent: nobody wants to know. */
  readonly end?: (outcome: Outcome) => void;
}

/** The attempts of one request. */
export interface HostAttempts {
  /** Begins the next attempt; undefined where no host may be used. */
  next(): HostAttempt | undefined;
  /** Milliseconds until the first host may be tried again, where that is known. */
  readonly retryInMs: number | undefined;
}

/** Several hosts behind a service's name. */
export interface ServiceUpstream {
  /** Chooses for this request, attempt by attempt: hosts that were not tried first. */
  open(exchange: Exchange, match: RouteMatch): HostAttempts;
}

/** The attempts of a service that has one host: always that one. */
export function singleHost({ host, port }: Pick<HostAttempt, "host" | "port">): HostAttempts {
  return { next: () => ({ host, port }), retryInMs: undefined };
}
