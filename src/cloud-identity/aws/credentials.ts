/** Keys that sign calls of AWS: what they are, and how those that expire are kept and renewed. */
import { untilAborted } from "../../util/deadline.ts";

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Milliseconds since 1970; absent: they do not expire. */
  readonly expiresAtMs?: number;
}

export interface CredentialSource {
  /** Credentials that have not expired. Rejects with an `IdentityError`, or with the signal's reason when the caller leaves. */
  get(signal: AbortSignal): Promise<AwsCredentials>;
  /**
   * To be called when a service refuses the credentials as expired: what is kept is forgotten, unless it has only just
   * been obtained, as after the refusals of several calls. False when that cannot help, because they are always the
   * same.
   */
  renew(): boolean;
}

/** AWS' SDKs begin to renew this long before the end; metadata services have new ones ready by then. */
const renewBeforeMs = 5 * 60_000;

/** Not used in the last minute: the call has to get there, and clocks differ. */
const unusableBeforeMs = 60_000;

/** Between attempts to renew what is still good, and the least age of what may be forgotten. */
const betweenAttemptsMs = 30_000;

export function fixedCredentials(credentials: AwsCredentials): CredentialSource {
  return { get: async () => credentials, renew: () => false };
}

/**
 * Credentials from `load`, kept while they last. Callers that need new ones share one load, which goes on when they
 * leave, for the next caller's sake: it bounds its own time. In the last minutes they are renewed on the side.
 */
export function keepCredentials(
  load: () => Promise<AwsCredentials>,
  wallClock: () => number,
): CredentialSource {
  let held: AwsCredentials | undefined;
  let heldSinceMs = 0;
  let attemptedAtMs = Number.NEGATIVE_INFINITY;
  let loading: Promise<AwsCredentials> | undefined;

  async function reload(): Promise<AwsCredentials> {
    try {
      const loaded = await load();
      held = loaded;
      heldSinceMs = wallClock();
      return loaded;
    } finally {
      loading = undefined;
    }
  }

  function renewSoon(): void {
    if (loading !== undefined || wallClock() - attemptedAtMs < betweenAttemptsMs) return;
    attemptedAtMs = wallClock();
    loading = reload();
    // Nothing is lost yet: once what is held has run out, callers wait for a load and see why it fails.
    loading.catch(() => undefined);
  }

  return {
    async get(signal) {
      signal.throwIfAborted();
      const leftMs = held === undefined ? 0 : (held.expiresAtMs ?? Number.POSITIVE_INFINITY) - wallClock();
      if (held !== undefined && leftMs > unusableBeforeMs) {
        if (leftMs <= renewBeforeMs) renewSoon();
        return held;
      }
      loading ??= reload();
      return untilAborted(loading, signal);
    },
    renew() {
      if (wallClock() - heldSinceMs >= betweenAttemptsMs) held = undefined;
      return true;
    },
  };
}
