/** What the embedding engine may use of the world. Tests pass fakes. */
import type { Logger } from "../../telemetry/logger.ts";
import type { Schedule } from "../../util/schedule.ts";
import type { PromptCacheBounds } from "./prompt-cache.ts";

export interface EngineServices {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly log: Logger;
  readonly schedule: Schedule;
  /** Bounds of each space's prompt cache. */
  readonly bounds: PromptCacheBounds;
}
