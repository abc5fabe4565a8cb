/** One client request on its way through; the only object all stages share. */
import type { Readable } from "node:stream";
import type { Admission } from "../budgets/admission.ts";
import type { Consumer, ConsumerIndex } from "../consumers/consumer.ts";
import type { AiFacts } from "../llm/ai-facts.ts";
import type { RouteMatch } from "../router/router.ts";
import type { Cancellation } from "./cancellation.ts";

export interface ClientRequest {
  readonly method: string;
  /** As received, without the query. */
  readonly path: string;
  /** As received, without the question mark; "" when there is none. */
  readonly query: string;
  /** Lower-case names; repeated ones joined with ", " as node:http does. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Names and values in turn, as received: here repeated headers are still apart. */
  readonly rawHeaders: readonly string[];
  /** As a proxy of ours says it, where one is in front; else whose connection it is. IPv4 is written as such on any socket. */
  readonly clientIp: string;
  /** How the client reached us, or the proxy of ours in front. */
  readonly scheme: "http" | "https";
  /** Of the client's connection to us; undefined where that is plain, whatever is in front of us. */
  readonly tls: ClientTls | undefined;
  /** It came through a proxy of ours, whose words about the client are believed. */
  readonly isTrusted: boolean;
  readonly body: Readable;
  /** The whole body, where a plugin has read `body` before. */
  readonly bytes?: Buffer;
}

/** TLS as a client has agreed on it with us. */
export interface ClientTls {
  /** What the client asked for; "" for nothing. */
  readonly serverName: string;
  /** E.g. `TLSv1.3`. */
  readonly version: string;
  /** OpenSSL's name of the cipher suite. */
  readonly cipher: string;
}

/** A request as it goes on. Both are what the client sent until a plugin takes something out or adds to it. */
export interface OnwardRequest {
  /** For the route's service. */
  readonly toService: ClientRequest;
  /** For a model's vendor: never with what the client showed us to be let in. */
  readonly toVendor: ClientRequest;
}

/** What records tell of a service. */
export interface ServiceRecord {
  /** Its id where it has no name. */
  readonly name: string;
  readonly id?: string;
  readonly protocol?: string;
  readonly host?: string;
  readonly port?: number;
  readonly path?: string | undefined;
}

export interface Exchange {
  /** Also sent as `X-Kong-Request-Id`. */
  readonly id: string;
  /** As received, for records and for the plugins that decide about it. */
  readonly request: ClientRequest;
  /** What upstreams get to see of it. Replaced by plugins. */
  onward: OnwardRequest;
  /** Aborted when the client is gone. */
  readonly cancellation: Cancellation;
  /** The same for those who need a real signal; made on first use. */
  readonly signal: AbortSignal;
  /** Milliseconds since 1970. */
  readonly startedAtMs: number;
  /** Monotonic milliseconds at the first byte of the request. */
  readonly startedAt: number;
  /** Set once, by the router. */
  route?: RouteMatch;
  /** The route's service, for records. Set with the route. */
  service?: ServiceRecord;
  /** Who may call, in the config that serves this exchange. Set before the plugins run. */
  consumers?: ConsumerIndex;
  /** Who calls. Set by the plugins that find it out; of several the last one decides. */
  consumer?: Consumer;
  /** What the consumer showed to be known. Absent where it is only taken for one, the anonymous consumer. */
  credential?: { readonly id: string } | undefined;
  /** Set once, by the plugin that traces. */
  trace?: ExchangeTrace;
  /** Asked before a model is called. Set by a plugin that sets budgets. */
  admission?: Admission;
  /** Set once, by the plugin that proxies to a model. */
  ai?: AiFacts;
  /** Filled by whoever calls an upstream, in order of attempt. */
  readonly attempts: Attempt[];
}

/** One upstream call. */
export interface Attempt {
  readonly host: string;
  readonly port: number;
  readonly scheme: string;
  /** Path and query, credentials removed. */
  readonly uri: string;
  readonly startedAt: number;
  /** Milliseconds to the answer's head; undefined while waiting or when none came. */
  headMs?: number;
  status?: number;
  /** Why the attempt failed, e.g. `timeout` or `http_429`. */
  failure?: string;
  /** `provider/model`, for attempts on a model. */
  target?: string;
  /** Milliseconds to the last byte or the failure; undefined where the answer's end is that of the exchange. */
  endMs?: number;
}

/** What upstreams and the client are told of the trace that an exchange is part of. */
export interface ExchangeTrace {
  /** These headers with what the receiver is to know of the trace. Asked once for each attempt, in their order. */
  attemptHeaders(headers: UpstreamHeaders): UpstreamHeaders;
  /** For the client. */
  readonly replyHeaders: Readonly<Record<string, string>> | undefined;
}

type UpstreamHeaders = Readonly<Record<string, string | string[]>>;
