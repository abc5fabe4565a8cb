/** How long a vendor asks to wait (RFC 9110, section 10.2.3). */

/**
 * Milliseconds from `retry-after-ms` (OpenAI's) or `retry-after`, as seconds or as a date. A date is read against the
 * answer's own `date`, so that a wrong clock here does no harm. Undefined when the vendor asks for nothing.
 */
export function retryAfterMs(headers: Readonly<Record<string, string>>): number | undefined {
  const exact = nonNegative(headers["retry-after-ms"]);
  if (exact !== undefined) return exact;
  const text = headers["retry-after"];
  const seconds = nonNegative(text);
  if (seconds !== undefined) return seconds * 1000;
  const wait = Date.parse(text ?? "") - Date.parse(headers["date"] ?? "");
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

function nonNegative(text: string | undefined): number | undefined {
  return text !== undefined && /^\s*\d+(?:\.\d+)?\s*$/.test(text) ? Number(text) : undefined;
}
