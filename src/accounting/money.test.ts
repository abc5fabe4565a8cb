import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sumPicoUsd, toPicoUsd, toUsd } from "./money.ts";

const amounts = fc.array(fc.integer({ min: 0, max: 2_000_000_000_000_000 }), { maxLength: 50 });

describe("amounts in pico-USD", () => {
  it("are rounded to the nearest", () => {
    expect(toPicoUsd(0.000075)).toBe(75_000_000);
    expect(toPicoUsd(1.4e-12)).toBe(1);
    expect(toPicoUsd(0)).toBe(0);
  });

  it("come back from USD as they were, up to 2,000 USD", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2_000_000_000_000_000 }), (pico) => {
        expect(toPicoUsd(toUsd(pico))).toBe(pico);
      }),
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 10_000])("do not hold %s USD", (usd) => {
    expect(() => toPicoUsd(usd)).toThrow(RangeError);
  });

  it("add up to the same in every order, to the last one", () => {
    fc.assert(
      fc.property(amounts, (all) => {
        const total = sumPicoUsd(all);
        expect(sumPicoUsd([...all].reverse())).toBe(total);
        expect(all.reduce((sum, amount) => sum + BigInt(amount), 0n)).toBe(total);
      }),
    );
    expect(() => sumPicoUsd([0.5])).toThrow(RangeError);
  });
});
