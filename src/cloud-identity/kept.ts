/** Keeps what a cloud hands out for a while, tokens and credentials, and renews it in time. */
import { untilAborted } from "../util/deadline.ts";

interface Perishable {
  /** Milliseconds since 1970; absent: it does not expire. */
  readonly expiresAtMs?: number | undefined;
}

export interface Kept<Value> {
  /**
   * What is good for at least another minute, or has only just been issued. Rejects as issuing does, or with the
   * signal's reason when the caller leaves.
   */
  get(signal: AbortSignal): Promise<Value>;
  /**
   * To be called when a service refuses what `get` gave, as expired or revoked: forgets it, unless it is new. True when
   * the next `get` can give another one, so that trying again makes sense; false where there is only this one, and where
   * the very first one is refused at once, which a second would not better.
   */
  renew(): boolean;
}

/** Not handed out in its last minute: the call has to get there, and clocks differ. */
const leastLeftMs = 60_000;

/**
 * With less left than this it is renewed while callers still get it, so that nobody waits and an issuer that is down
 * for a while is not noticed. Metadata services give out the old one until four to five minutes before its end.
 */
const renewLeftMs = 240_000;

/**
 * Between two tries to renew what is still good. What is younger than this is not forgotten either: calls that were
 * under way with the one before are refused for a while longer.
 */
const betweenIssuesMs = 30_000;

interface Held<Value> {
  readonly value: Value;
  readonly sinceMs: number;
  /** Nothing was issued before it. */
  readonly isFirst: boolean;
}

/**
 * `issue` is called when there is nothing yet and when what there is runs out or was refused, once for all who ask. It
 * ends on deadlines of its own: when callers leave it goes on, for the next one's sake.
 */
export function keep<Value extends Perishable>(
  issue: () => Promise<Value>,
  wallClock: () => number,
): Kept<Value> {
  let held: Held<Value> | undefined;
  let isFirst = true;
  let underWay: Promise<Value> | undefined;
  let askedAtMs = Number.NEGATIVE_INFINITY;

  async function issueAndHold(): Promise<Value> {
    const value = await issue();
    held = { value, sinceMs: wallClock(), isFirst };
    isFirst = false;
    return value;
  }

  function issueOnce(): Promise<Value> {
    if (underWay !== undefined) return underWay;
    askedAtMs = wallClock();
    const issuing = issueAndHold().finally(() => {
      underWay = undefined;
    });
    // Whoever waits gets the error; it must not end the process when nobody does.
    issuing.catch(() => undefined);
    underWay = issuing;
    return issuing;
  }

  return {
    async get(signal) {
      signal.throwIfAborted();
      const now = wallClock();
      const leftMs = held === undefined ? 0 : (held.value.expiresAtMs ?? Number.POSITIVE_INFINITY) - now;
      if (held === undefined || leftMs <= leastLeftMs) return untilAborted(issueOnce(), signal);
      // A failure here comes up again, to be told, once what is held has run out.
      if (leftMs <= renewLeftMs && now - askedAtMs >= betweenIssuesMs) issueOnce();
      return held.value;
    },
    renew() {
      if (held === undefined) return true;
      if (wallClock() - held.sinceMs < betweenIssuesMs) return !held.isFirst;
      held = undefined;
      return true;
    },
  };
}

/** What never changes: there is nothing to renew it with. */
export function fixed<Value>(value: Value): Kept<Value> {
  return {
    async get(signal) {
      signal.throwIfAborted();
      return value;
    },
    renew: () => false,
  };
}
