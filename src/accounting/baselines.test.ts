import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { baselineCosts, compileBaselines, type PricedTarget } from "./baselines.ts";
import { picoCostOf } from "./cost.ts";
import { compilePrice } from "./price.ts";

const priceOf = (input: number, output: number) =>
  compilePrice({ rates: { input, output }, context: [], tiers: [] });
const target = (
  index: number,
  input?: number,
  output = 4 * (input ?? 0),
  name = `v/m${index}`,
): PricedTarget => ({
  index,
  name,
  price: input === undefined ? undefined : priceOf(input, output),
});
const usage = { inputTokens: 1_000, outputTokens: 100 };

describe("baselines", () => {
  it("are the dearest, the cheapest, and each single target, at the tokens that were used", () => {
    const baselines = compileBaselines([target(0, 2.5), target(1, 0.15), target(2, 3)]);
    expect(baselines.strongest?.name).toBe("v/m2");
    expect(baselines.cheapest?.name).toBe("v/m1");
    expect(baselineCosts(baselines, usage)).toEqual([
      { name: "strongest", costPicoUsd: 4_200_000_000 },
      { name: "cheapest", costPicoUsd: 210_000_000 },
      { name: "target:v/m0", costPicoUsd: 3_500_000_000 },
      { name: "target:v/m1", costPicoUsd: 210_000_000 },
      { name: "target:v/m2", costPicoUsd: 4_200_000_000 },
    ]);
  });

  it("weigh input and output as a typical exchange has them", () => {
    // Dearer output, and yet the cheaper of the two for three tokens in and one out.
    const { strongest } = compileBaselines([target(0, 1, 5), target(1, 3, 4)]);
    expect(strongest?.index).toBe(1);
  });

  it("take the first in the file of equally dear ones, and the last of equally cheap ones", () => {
    const { strongest, cheapest } = compileBaselines([target(0, 1), target(1, 1)]);
    expect([strongest?.index, cheapest?.index]).toEqual([0, 1]);
  });

  it("take the target that is named for the strongest, whatever it costs", () => {
    const named = target(1, 0.15);
    expect(compileBaselines([target(0, 2.5), named], named).strongest).toBe(named);
  });

  it("do not claim to know the dearest or the cheapest where a price is unknown, but what each known one would cost", () => {
    const baselines = compileBaselines([target(0, 2.5), target(1)]);
    expect(baselineCosts(baselines, usage).map(({ costPicoUsd }) => costPicoUsd)).toEqual([
      undefined,
      undefined,
      3_500_000_000,
      undefined,
    ]);
  });

  it("count a model once, however many targets call it", () => {
    expect(compileBaselines([target(0, 1), target(1, 1, 4, "v/m0")]).targets).toHaveLength(1);
  });

  it("have no exchange that costs less than the cheapest or more than the strongest of the typical shape", () => {
    const price = fc.double({ min: 0, max: 100, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(price, price), { minLength: 1, maxLength: 6 }),
        fc.nat(1_000),
        (prices, size) => {
          const targets = prices.map(([input, output], index) => target(index, input, output));
          const baselines = compileBaselines(targets);
          const typical = { inputTokens: 3 * size, outputTokens: size };
          const [strongest, cheapest, ...each] = baselineCosts(baselines, typical);
          for (const { costPicoUsd = -1 } of each) {
            expect(costPicoUsd).toBeLessThanOrEqual((strongest?.costPicoUsd ?? 0) + 1);
            expect(costPicoUsd).toBeGreaterThanOrEqual((cheapest?.costPicoUsd ?? 0) - 1);
          }
          for (const { index, price: known } of baselines.targets)
            if (known !== undefined) expect(each[index]?.costPicoUsd).toBe(picoCostOf(typical, known));
        },
      ),
    );
  });
});
