import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readGoogleRefusal } from "./refusal.ts";

describe("readGoogleRefusal", () => {
  it("reads any body without throwing, and never makes a wait of what is none", () => {
    const details = fc.oneof(
      fc.jsonValue(),
      fc.array(
        fc.record({ retryDelay: fc.oneof(fc.string(), fc.constantFrom("-1s", "s", "1e9s", "5", "NaNs")) }),
      ),
    );
    const status = fc.record({
      error: fc.record({ message: fc.jsonValue(), details }, { requiredKeys: [] }),
    });
    const body = fc.oneof(
      fc.string(),
      fc.json(),
      fc.oneof(status, fc.array(status)).map((json) => JSON.stringify(json)),
    );
    fc.assert(
      fc.property(body, (text) => {
        const { message, retryAfterMs } = readGoogleRefusal(text);
        expect(["string", "undefined"]).toContain(typeof message);
        if (retryAfterMs !== undefined) expect(retryAfterMs).toBeGreaterThanOrEqual(0);
      }),
    );
    for (const retryDelay of ["-1s", "s", "1e9s", "5", " 5s"])
      expect(
        readGoogleRefusal(JSON.stringify({ error: { details: [{ retryDelay }] } })).retryAfterMs,
      ).toBeUndefined();
  });

  it("reads the wait wherever it stands among the details, in whole milliseconds", () => {
    fc.assert(
      fc.property(fc.nat(4), fc.integer({ min: 0, max: 1e9 }), (before, ms) => {
        const details = [
          ...Array(before).fill({ reason: "x" }),
          { retryDelay: `${(ms / 1000).toFixed(3)}s` },
        ];
        const { retryAfterMs } = readGoogleRefusal(JSON.stringify({ error: { details } }));
        expect(retryAfterMs).toBeGreaterThanOrEqual(ms);
        expect(retryAfterMs).toBeLessThanOrEqual(ms + 1);
      }),
    );
  });
});
