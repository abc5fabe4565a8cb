/** The failures of servers that keep something for us, in words that say whether waiting helps. */

/**
 * unreachable: no connection, no answer in time, or a server that is loading or shutting down: may pass by itself ·
 * denied: the server refuses us (credentials, permissions): passes when somebody mends that ·
 * unfit: the server lacks what is needed · corrupt: what is stored under our names is not ours or not whole ·
 * invalid: what the caller gave · aborted: the caller left or the store was closed.
 */
export type StoreErrorKind = "unreachable" | "denied" | "unfit" | "corrupt" | "invalid" | "aborted";

/** The one error of all stores. Its message is for the operator: it names place and reason, and never a credential. */
export class StoreError extends Error {
  readonly kind: StoreErrorKind;

  constructor(kind: StoreErrorKind, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "StoreError";
    this.kind = kind;
  }
}

/** The caller's signal was aborted. */
export function callerLeft(place: string): StoreError {
  return new StoreError("aborted", `${place}: given up, because the caller left`);
}

/** The store was closed before or during the call. */
export function storeClosed(place: string): StoreError {
  return new StoreError("aborted", `${place}: the store is closed`);
}
