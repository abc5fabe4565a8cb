import { describe, expect, it } from "vitest";
import { retryAfterMs } from "./retry-after.ts";

describe("retryAfterMs", () => {
  it("reads seconds, milliseconds and dates, and ignores the rest", () => {
    expect(retryAfterMs({ "retry-after": "7" })).toBe(7000);
    expect(retryAfterMs({ "retry-after": "0.5" })).toBe(500);
    expect(retryAfterMs({ "retry-after-ms": "120", "retry-after": "7" })).toBe(120);
    const date = "Wed, 21 Oct 2026 07:28:00 GMT";
    expect(retryAfterMs({ "retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", date })).toBe(30_000);
    expect(retryAfterMs({ "retry-after": "Wed, 21 Oct 2026 07:27:00 GMT", date })).toBe(0);
    for (const odd of ["soon", "", "-5", "1e9x", date])
      expect(retryAfterMs({ "retry-after": odd })).toBeUndefined();
    expect(retryAfterMs({})).toBeUndefined();
    expect(retryAfterMs({ "retry-after": ["3", "9"] })).toBe(3000);
  });

  it("reads a date against our own clock only where the answer has no date", () => {
    const text = "Wed, 21 Oct 2026 07:28:30 GMT";
    const wallClock = () => Date.parse("Wed, 21 Oct 2026 07:28:20 GMT");
    expect(retryAfterMs({ "retry-after": text }, wallClock)).toBe(10_000);
    expect(retryAfterMs({ "retry-after": text, date: "Wed, 21 Oct 2026 07:28:29 GMT" }, wallClock)).toBe(
      1000,
    );
    expect(retryAfterMs({ "retry-after": text, date: "yesterday" }, wallClock)).toBeUndefined();
  });
});
