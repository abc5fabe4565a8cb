/** How long a vendor asks to wait (RFC 9110, section 10.2.3). */
import type { MessageHeaders } from "./headers.ts";

/**
 * Milliseconds from `retry-after-ms` (OpenAI's) or `retry-after`, as seconds or as a date. A date is read against the
 * answer's own `date`, so that a wrong clock here does no harm; where the answer has none, against `wallClock`
 * (milliseconds since 1970), if given. Undefined when the vendor asks for nothing.
 */
export function retryAfterMs(headers: MessageHeaders, wallClock?: () => number): number | undefined {
  const exact = nonNegative(first(headers["retry-after-ms"]));
  if (exact !== undefined) return exact;
  const text = first(headers["retry-after"]);
  if (text === undefined) return undefined;
  const seconds = nonNegative(text);
  if (seconds !== undefined) return seconds * 1000;
  const date = first(headers["date"]);
  const wait = Date.parse(text) - (date === undefined ? (wallClock?.() ?? Number.NaN) : Date.parse(date));
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

function nonNegative(text: string | undefined): number | undefined {
  return text !== undefined && /^\s*\d+(?:\.\d+)?\s*$/.test(text) ? Number(text) : undefined;
}
