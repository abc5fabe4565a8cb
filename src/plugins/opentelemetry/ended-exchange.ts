/** What is known of an exchange once it is over, and of its times. */
import type { Exchange } from "../../http/exchange.ts";
import type { AccessRecord } from "../../telemetry/access-record.ts";
import type { ServerTrace } from "./exchange-trace.ts";

export interface EndedExchange {
  readonly exchange: Exchange;
  readonly record: AccessRecord;
  readonly trace: ServerTrace;
  /** Monotonic milliseconds of the end. */
  readonly endedAt: number;
}

/** Monotonic milliseconds as those since 1970, by the clocks at the exchange's begin. */
export function epochMs({ startedAt, startedAtMs }: Exchange, monotonicMs: number): number {
  return startedAtMs + (monotonicMs - startedAt);
}
