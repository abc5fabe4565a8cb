/** Keeps a token and renews it in time; the same for every cloud that hands out bearer tokens. */
import { untilAborted } from "../util/deadline.ts";
import type { TokenSource } from "./token-source.ts";

export interface IssuedToken {
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** What a kept token is still good for, in the time it has left: the minute that `TokenSource` promises. */
const leastLeftMs = 60_000;

/**
 * With less left than this the token is renewed while callers still get it, so that nobody waits and an issuer that
 * is down for a while is not noticed. Metadata services answer the old token until four to five minutes before its end.
 */
const renewLeftMs = 240_000;

/** Between two tries to renew a token that is still good. */
const renewPauseMs = 15_000;

/**
 * `issue` is called when there is no token or the kept one runs out, by one caller for all. It ends on its own
 * deadlines: a caller that leaves is rejected with its signal's reason and leaves the token to the next one. A token
 * that is issued with less than a minute left is handed out, as there is none better, and not kept.
 */
export function cachedToken(issue: () => Promise<IssuedToken>, wallClock: () => number): TokenSource {
  let kept: IssuedToken | undefined;
  let underWay: Promise<IssuedToken> | undefined;
  let renewedAtMs = Number.NEGATIVE_INFINITY;

  function renew(): Promise<IssuedToken> {
    if (underWay !== undefined) return underWay;
    renewedAtMs = wallClock();
    const issued = issueAndKeep().finally(() => {
      underWay = undefined;
    });
    // Whoever waits gets the error; it must not end the process when all have left.
    issued.catch(() => undefined);
    underWay = issued;
    return issued;
  }

  async function issueAndKeep(): Promise<IssuedToken> {
    kept = await issue();
    return kept;
  }

  return async (signal) => {
    const leftMs = kept === undefined ? 0 : kept.expiresAtMs - wallClock();
    if (kept === undefined || leftMs <= leastLeftMs) return (await untilAborted(renew(), signal)).token;
    // A failure here comes up again, to be told, once the token has run out.
    if (leftMs <= renewLeftMs && wallClock() - renewedAtMs >= renewPauseMs) renew();
    return kept.token;
  };
}
