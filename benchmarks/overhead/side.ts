/** A side of the comparison: something that takes the benchmark's requests and has the upstream answer them. */
import type { Pinning } from "../machine.ts";

export interface Side {
  readonly name: string;
  readonly port: number;
  /** What its users must send with each request, beside what every side gets. */
  readonly headers: Readonly<Record<string, string>>;
  /** Processes whose CPU time is its cost; none for the upstream itself. */
  readonly pids: readonly number[];
  /** Distinct prompts it is sent, in turn. */
  readonly promptCount: number;
  /** Called between two windows, to throw away what it has written. */
  tidy?(): void;
  stop(): Promise<void>;
}

/** Where and with what a side is started. */
export interface SideContext {
  readonly upstreamPort: number;
  /** A folder of the run's own. */
  readonly folder: string;
  readonly pinning: Pinning | undefined;
}

/** Few enough for every prompt's vector to be cached. */
export const usualPromptCount = 256;
