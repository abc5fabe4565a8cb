import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Roster } from "./roster.ts";

describe("a roster", () => {
  it("has what came and did not go, like a set", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 9 })), (moves) => {
        const roster = new Roster<{ readonly name: number; seat: number }>();
        const items = Array.from({ length: 10 }, (_, name) => ({ name, seat: -1 }));
        const model = new Set<(typeof items)[number]>();
        for (const move of moves) {
          const item = items[move] as (typeof items)[number]; // there are ten
          if (model.delete(item)) roster.delete(item);
          else {
            model.add(item);
            roster.add(item);
          }
          expect(roster.size).toBe(model.size);
          expect(new Set(roster)).toEqual(model);
        }
      }),
    );
  });

  it("can be walked through by somebody who lets items go", () => {
    const roster = new Roster<{ seat: number }>();
    const items = [{ seat: 0 }, { seat: 0 }, { seat: 0 }];
    for (const item of items) roster.add(item);
    const seen = [];
    for (const item of roster) {
      seen.push(item);
      roster.delete(item);
    }
    expect(seen).toEqual(items);
    expect(roster.size).toBe(0);
  });
});
