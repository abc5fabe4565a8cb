/** The ways a stream goes wrong after its head, and what each is for the client, the rules, the pool and the record. */
import type { AttemptFailure } from "../balancer/balancer.ts";
import { GatewayError } from "../errors.ts";
import { type FailureKind, UpstreamError } from "../http/upstream-error.ts";
import type { TotalTimeout } from "./total-timeout.ts";

export interface StreamFailure {
  /** For the client. */
  readonly error: GatewayError;
  /** For the failover rules; undefined: no other target may try. */
  readonly criterion: FailureKind | undefined;
  /** For the pool. */
  readonly kind: AttemptFailure;
  /** For the record; else the error's code. */
  readonly name?: string;
}

/** The vendor told of an error inside the stream, or sent an event that is none. */
export function vendorFailure(message: string): StreamFailure {
  const error = new GatewayError("upstream_stream_error", { reason: message });
  return { error, criterion: "error", kind: "stream" };
}

/** The stream ended before the vendor had said that the answer is complete. */
export function endedEarly(): StreamFailure {
  return { error: new GatewayError("stream_cut"), criterion: "error", kind: "stream" };
}

/** What came cannot be read: no events, or not what its Content-Encoding says. */
export function unreadable(cause: unknown): StreamFailure {
  return {
    error: new GatewayError("stream_cut", {}, { cause }),
    criterion: "invalid_header",
    kind: "unusable",
  };
}

/** The body failed. */
export function bodyFailure(cause: Error): StreamFailure {
  if (!(cause instanceof UpstreamError)) return unreadable(cause);
  const code = cause.kind === "timeout" ? "upstream_timeout" : "stream_cut";
  return { error: new GatewayError(code, {}, { cause }), criterion: cause.kind, kind: "stream" };
}

export function timeIsUp(cause: TotalTimeout): StreamFailure {
  return {
    error: new GatewayError("upstream_timeout", {}, { cause }),
    criterion: undefined,
    kind: "timeout",
    name: "total_timeout",
  };
}
