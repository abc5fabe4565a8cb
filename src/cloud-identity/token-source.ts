/** Contract of signing in to a cloud: whoever calls a vendor there gets a token, or a signature, just before the call. */
import type { HttpCall } from "../http/http-call.ts";
import type { Kept } from "./kept.ts";

/** What signing in may use of the world. */
export interface IdentityServices {
  readonly call: HttpCall;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  /** The process's environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface IssuedToken {
  /** Fit for a header; without `Bearer`. */
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/**
 * A bearer token that is valid for at least another minute. Kept until shortly before it expires or a service refuses
 * it; concurrent callers share one call. `get` rejects with an `IdentityError`, or with the signal's reason when the
 * caller leaves.
 */
export type TokenSource = Kept<IssuedToken>;

/** Its message says which cloud and which step refused, and what to set; never a credential. */
export class IdentityError extends Error {
  /** The same call may succeed later. */
  readonly isRetryable: boolean;

  constructor(message: string, options: { readonly cause?: unknown; readonly isRetryable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "IdentityError";
    this.isRetryable = options.isRetryable ?? false;
  }
}
