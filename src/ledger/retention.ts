/** Deletes entries that are older than they are to be kept, in the background. */
import type { Logger } from "../telemetry/logger.ts";
import { pause } from "../util/deadline.ts";
import type { Schedule } from "../util/schedule.ts";
import type { LedgerStore } from "./ledger-store.ts";

export interface RetentionParts {
  readonly store: LedgerStore;
  readonly log: Logger;
  readonly schedule: Schedule;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  /** 0: nothing is deleted. */
  readonly retentionDays: number;
}

const dayMs = 86_400_000;
/** The first time soon after the start, else a gateway that is restarted daily would never get there. */
const firstMs = 60_000;
const everyMs = 3_600_000;
/** Between two steps, so that writers come in. */
const breathMs = 20;

/** Returns what ends it. */
export function createRetention(parts: RetentionParts): () => void {
  const { store, log, schedule, wallClock, retentionDays } = parts;
  const stop = new AbortController();
  let cancel: (() => void) | undefined;

  async function prune(): Promise<void> {
    const beforeMs = wallClock() - retentionDays * dayMs;
    let deleted = 0;
    for (;;) {
      const step = await store.prune(beforeMs, stop.signal);
      if (step === 0) break;
      deleted += step;
      await pause(breathMs, stop.signal, schedule);
    }
    if (deleted > 0) log.info("old entries of the ledger were deleted", { deleted, days: retentionDays });
  }

  function later(delayMs: number): void {
    cancel = schedule(delayMs, () => {
      // A store that is away has said so to whoever writes; what is old can wait an hour.
      prune()
        .catch((error: unknown) =>
          log.debug("old entries of the ledger were not deleted", { reason: String(error) }),
        )
        .finally(() => {
          if (!stop.signal.aborted) later(everyMs);
        });
    });
  }

  if (retentionDays > 0) later(firstMs);
  return () => {
    cancel?.();
    stop.abort();
  };
}
