import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EntryLine } from "./entry-line.ts";
import { LineQueue } from "./line-queue.ts";

const line = (id: string): EntryLine => ({ id, json: "x".repeat(id.length) });

describe("the queue of lines", () => {
  it("gives back what was put in, in order, whatever is taken and put back in between", () => {
    const anyStep = fc.oneof(
      fc.record({ kind: fc.constant("push" as const), id: fc.string({ minLength: 1, maxLength: 9 }) }),
      fc.record({ kind: fc.constantFrom("take", "try"), most: fc.nat(5), longest: fc.nat(20) }),
    );
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
        const queue = new LineQueue();
        let model: EntryLine[] = [];
        for (const step of steps) {
          if ("id" in step) {
            queue.push(line(step.id));
            model.push(line(step.id));
            continue;
          }
          const taken = queue.take(step.most, step.longest);
          expect(taken).toEqual(model.slice(0, taken.length));
          expect(taken.length).toBeLessThanOrEqual(step.most);
          expect(taken.length).toBeGreaterThanOrEqual(Math.min(1, step.most, model.length));
          if (step.kind === "try") queue.putBack(taken);
          model = step.kind === "try" ? model : model.slice(taken.length);
        }
        expect(queue.size).toBe(model.length);
        expect(queue.length).toBe(model.reduce((sum, { json }) => sum + json.length, 0));
        expect(queue.take(1000, 1e9)).toEqual(model);
        expect([queue.size, queue.length]).toEqual([0, 0]);
      }),
    );
  });

  it("keeps to the length, but for a first line that alone is longer", () => {
    const queue = new LineQueue();
    for (const id of ["aaaa", "bbbb", "c".repeat(50), "d"]) queue.push(line(id));
    const lengths = [1, 2, 3].map(() => queue.take(10, 8).map(({ id }) => id.length));
    expect(lengths).toEqual([[4, 4], [50], [1]]);
  });
});
