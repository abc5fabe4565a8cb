/** Stretches of time as people write them: `7d`, `24h`, `2026-11-01`, `all`. */
import type { LedgerPeriod } from "../ledger/ledger-store.ts";
import { UsageError } from "./terminal.ts";

const unitMs: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

const examples =
  "write 30m, 24h, 7d or 2w ago, a date such as 2026-11-01 (UTC), a time such as 2026-11-01T12:00Z, or all";

/** `since` is the first moment that belongs to it (default a week ago), `until` the first that does not (default: open). */
export function parsePeriod(
  since: string | boolean | undefined,
  until: string | boolean | undefined,
  nowMs: number,
): LedgerPeriod {
  const fromMs = momentOf("--since", typeof since === "string" ? since : "7d", nowMs);
  const untilMs = typeof until === "string" ? momentOf("--until", until, nowMs) : undefined;
  if (fromMs !== undefined && untilMs !== undefined && fromMs >= untilMs)
    throw new UsageError("--since must be before --until");
  return { fromMs, untilMs };
}

/** Undefined for `all`. */
function momentOf(flag: string, text: string, nowMs: number): number | undefined {
  if (text === "all") return undefined;
  const [, count, unit = ""] = /^(\d{1,6})([mhdw])$/.exec(text) ?? [];
  const ms = unitMs[unit];
  if (count !== undefined && ms !== undefined) return nowMs - Number(count) * ms;
  const time = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isNaN(time)) throw new UsageError(`${flag} "${text}" is no time: ${examples}`);
  return time;
}
