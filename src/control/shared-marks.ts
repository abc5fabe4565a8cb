/** Marks of targets by hand, shared by the gateways on one store: told to the others, and heard of them. */
import { z } from "zod";
import type { Announcement, ConfigStore, News } from "../config-store/config-store.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { TargetMark } from "../upstreams/upstream-health.ts";

/** Who has marked a target. */
export interface Marker {
  /** As in `Asker`. */
  readonly actor: string;
  /** Where it was not told here: the gateway that it was told. */
  readonly gateway?: string;
}

/**
 * Marks a target in this gateway; false where it does not run. Of two calls the second counts, also where the first has not
 * resolved. Rejects where somebody who serves has not done it.
 */
export type MarkHere = (mark: TargetMark, by: Marker) => Promise<boolean>;

export interface SharedMarksOptions {
  readonly store: Pick<ConfigStore, "announce">;
  /** This gateway: no two that ever lived share it. */
  readonly gateway: string;
  readonly markHere: MarkHere;
  readonly log: Logger;
  readonly wallClock: () => number;
  readonly signal: AbortSignal;
}

export interface SharedMarks {
  /** For the store's `news`. At first the end, wherever that is: what was marked before this gateway came is not for it. */
  readonly after: number;
  /**
   * As `MarkHere`, at once; then the other gateways are told. Rejects where that is not sure, with the target marked here:
   * a store that is away keeps nobody from taking a target out.
   */
  mark(mark: TargetMark, actor: string): Promise<boolean>;
  /**
   * Takes the marks that were not made here, or of which that was not sure, and stands after them. Never rejects: what does
   * not come through is in the log.
   */
  hear(news: News): Promise<void>;
}

/** All gateways come to the same, whoever marks what at the same time: the mark with the highest number. */
export function createSharedMarks(options: SharedMarksOptions): SharedMarks {
  const { gateway: sender, log, markHere, signal, store, wallClock } = options;
  /** The last mark of each target that was made here, while it and lower numbers may still be heard. */
  const own = new Map<string, Told>();
  let after = Number.MAX_SAFE_INTEGER;
  /** Numbers are to come in the order in which the targets were marked here. */
  let lastTold: Promise<unknown> = Promise.resolve();

  async function tell(mark: TargetMark, actor: string): Promise<number> {
    const body = JSON.stringify({ kind, ...mark, actor } satisfies MarkBody);
    const announcement = { sender, timeMs: wallClock(), body };
    return store.announce(announcement, signal).catch((cause: unknown) => {
      const message = `it is marked in this gateway, and others on the database may not hear of it: ${reasonOf(cause)}`;
      throw new Error(message, { cause });
    });
  }

  async function take(announcement: Announcement): Promise<void> {
    const { number, sender } = announcement;
    const body = bodyOf(announcement);
    if (body === undefined) {
      const facts = { gateway: sender, number };
      log.warn("another gateway has announced what this version does not understand: it is left out", facts);
      return;
    }
    const { actor, health, target, upstreamId } = body;
    const mark = { upstreamId, target, health };
    if ((own.get(keyOf(mark))?.number ?? 0) >= number) return;
    const facts = { upstream: upstreamId, target, health, actor, gateway: sender };
    try {
      const isRunning = await markHere(mark, { actor, gateway: sender });
      if (!isRunning) log.info("a target that was marked at another gateway does not run here", facts);
    } catch (error) {
      const reason = reasonOf(error);
      log.warn("a target that was marked at another gateway may not be marked here", { ...facts, reason });
    }
  }

  /** Numbers leave nothing out, so that a gap is what the store has no longer. */
  function tellOfGap([first]: readonly Announcement[]): void {
    const missed = first === undefined ? 0 : first.number - after - 1;
    if (missed <= 0) return;
    const message =
      "the gateway was cut off for so long that marks of other gateways are lost to it: mark targets again where it matters";
    log.warn(message, { missed });
  }

  return {
    get after() {
      return after;
    },
    mark(mark, actor) {
      const key = keyOf(mark);
      const previous = own.get(key);
      const mine: Told = { number: Number.POSITIVE_INFINITY };
      own.set(key, mine);
      const untold = () => {
        mine.number = previous?.number ?? 0; // which is known by then
      };
      const marked = markHere(mark, { actor });
      const told = Promise.allSettled([marked, lastTold]).then(async () => {
        const isRunning = await marked;
        if (isRunning) mine.number = await tell(mark, actor);
        else untold();
        return isRunning;
      });
      lastTold = told.catch(untold); // whoever asked is told
      return told;
    },
    async hear({ announcements, last }) {
      // What is being marked here comes before or after what is heard: its number says it. What is marked from now on comes after.
      await lastTold;
      tellOfGap(announcements);
      await Promise.all(announcements.map(take));
      // In an emptied or restored store numbers begin lower, so that those from before are above all to come.
      const isKnown = last < after ? Number.isFinite : (number: number) => number <= last;
      for (const [key, { number }] of own) if (isKnown(number)) own.delete(key);
      after = last;
    },
  };
}

interface Told {
  /** Infinite until it is known. */
  number: number;
}

const kind = "target-mark";

/** A later version may say more. */
const markBody = z.object({
  kind: z.literal(kind),
  upstreamId: z.string(),
  target: z.string(),
  health: z.enum(["healthy", "unhealthy"]),
  actor: z.string(),
});

type MarkBody = z.output<typeof markBody>;

function bodyOf({ body }: Announcement): MarkBody | undefined {
  let content: unknown;
  try {
    content = JSON.parse(body);
  } catch {
    return undefined; // which is told
  }
  return markBody.safeParse(content).data;
}

function keyOf({ target, upstreamId }: TargetMark): string {
  return `${upstreamId} ${target}`;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
