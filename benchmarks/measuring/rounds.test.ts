import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  cell,
  figure,
  marked,
  medianOf,
  noiseLine,
  type Round,
  ratioOf,
  rotated,
  table,
  type Watched,
} from "./rounds.ts";

interface Timed extends Watched {
  readonly ms: number;
}

function round(fast: number, slow: number, foreignShare: number | undefined = 0): Round<Timed> {
  return new Map([
    ["fast", { ms: fast, foreignShare: 0 }],
    ["slow", { ms: slow, foreignShare }],
  ]);
}

const rounds = [round(1, 10), round(4, 44), round(2, 18)];
const ms = ({ ms }: Timed) => ms;

describe("rotated", () => {
  it("lets each side begin once in as many rounds as there are sides, and keeps their order", () => {
    const sides = fc.uniqueArray(fc.integer(), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(sides, fc.nat(100), (all, from) => {
        const first = all.map((_, round) => rotated(all, from + round)[0]);
        expect(new Set(first)).toEqual(new Set(all));
        const turned = rotated(all, from);
        expect([...turned, ...turned].join()).toContain(all.join());
      }),
    );
    expect(rotated([], 3)).toEqual([]);
  });
});

describe("medianOf and ratioOf", () => {
  it("compare sides inside each round, so that a slow round does not look like a slow side", () => {
    expect(medianOf(rounds, "slow", ms)).toEqual({ median: 18, min: 10, max: 44 });
    expect(ratioOf(rounds, { side: "slow", base: "fast" }, ms)).toEqual({ median: 10, min: 9, max: 11 });
  });

  it("have nothing to say of a side that did not run, of the base ms, and of what was not measured", () => {
    expect(medianOf(rounds, "absent", ms)).toBeUndefined();
    expect(ratioOf(rounds, { side: "absent", base: "fast" }, ms)).toBeUndefined();
    expect(ratioOf(rounds, { side: "slow", base: "absent" }, ms)).toBeUndefined();
    expect(ratioOf(rounds, { side: "fast", base: "fast" }, ms)).toBeUndefined();
    expect(medianOf(rounds, "slow", ({ ms }) => (ms > 20 ? undefined : ms))).toMatchObject({ max: 18 });
  });
});

describe("noise", () => {
  it("is left out while three quiet measurements remain", () => {
    const some = [...rounds, round(1, 99, 0.5)];
    expect(medianOf(some, "slow", ms)).toMatchObject({ max: 44 });
    expect(ratioOf(some, { side: "slow", base: "fast" }, ms)).toMatchObject({ max: 11 });
    expect([marked(some, "slow"), marked(some, "fast")]).toEqual(["slow", "fast"]);
    // The fast side was quiet in all of them.
    expect(medianOf(some, "fast", ms)).toEqual({ median: 1.5, min: 1, max: 4 });
  });

  it("is part of the figures where too few remain, and the row is marked", () => {
    const much = [round(1, 10), round(4, 44), round(2, 18, 0.11)];
    expect(medianOf(much, "slow", ms)).toEqual({ median: 18, min: 10, max: 44 });
    expect([marked(much, "slow"), marked(much, "fast")]).toEqual(["slow *", "fast"]);
    expect(noiseLine(much.flatMap((each) => [...each.values()]))).toMatch(/^1 of 6 .* 10 %/);
  });

  it("is not suspected where nothing is known of it", () => {
    const unknown = [round(1, 10, undefined)];
    expect(marked(unknown, "slow")).toBe("slow");
  });
});

describe("figure", () => {
  it("shows three significant digits and never rounds whole ones away", () => {
    const shown = [0, 0.01234, 0.9, 1.234, 12.345, 123.45, 1234.5, 1_234_567, -0.5].map(figure);
    expect(shown).toEqual(["0", "0.012", "0.900", "1.23", "12.3", "123", "1,235", "1,234,567", "-0.500"]);
  });
});

describe("cell and table", () => {
  it("write what can be read as Markdown", () => {
    expect(cell(undefined)).toBe("–");
    expect(cell({ median: 2, min: 2, max: 2 })).toBe("2.00");
    expect(cell({ median: 2, min: 1, max: 30 })).toBe("2.00 (1.00–30.0)");
    expect(table(["side", "p50"], [["a", "1"]])).toBe("| side | p50 |\n|---|---:|\n| a | 1 |\n");
    expect(table(["a", "b", "c"], [], { left: 2 })).toBe("| a | b | c |\n|---|---|---:|\n");
  });
});
