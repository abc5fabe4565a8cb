/** One call of a vendor's API beside the model calls themselves: asked whole, answered whole, with one deadline. */

export interface HttpCallRequest {
  /** Default POST. */
  readonly method?: "GET" | "PATCH" | "POST" | "PUT";
  readonly url: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal: AbortSignal;
  /** Bound on the whole call, from connecting to the last byte. */
  readonly timeoutMs: number;
  /** How the host is connected to, where that is not as for all others. */
  readonly connection?: HttpConnection;
}

export interface HttpConnection {
  /** Believe the host whatever certificate it shows. */
  readonly trustsAnyCertificate: boolean;
  /** How long a connection that nobody uses is kept. */
  readonly idleMs: number;
}

export interface HttpCallAnswer {
  readonly status: number;
  /** Lower-case names; repeated ones joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Resolves with any answer that came whole, whatever its status; rejects with an `HttpCallError`. Only for calls that
 * may safely be sent twice, as one is that meets a connection the other side has just closed.
 */
export type HttpCall = (request: HttpCallRequest) => Promise<HttpCallAnswer>;

/**
 * timeout: not answered whole within the deadline · aborted: the caller left · connection: not reachable, or lost ·
 * answer: too large, or encoded in a way that was not asked for.
 */
export type HttpCallErrorKind = "timeout" | "aborted" | "connection" | "answer";

/** Its message names hosts and codes, never headers or bodies. */
export class HttpCallError extends Error {
  readonly kind: HttpCallErrorKind;

  constructor(kind: HttpCallErrorKind, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "HttpCallError";
    this.kind = kind;
  }
}
