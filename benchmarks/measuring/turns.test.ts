import { describe, expect, it } from "vitest";
import { measureInTurn } from "./turns.ts";

const sides = [{ name: "a" }, { name: "b" }, { name: "c" }];

describe("measureInTurn", () => {
  it("measures every side once, another one first in each round, and watches each by itself", async () => {
    const order: string[] = [];
    let watched = 0;
    const watch = () => {
      const number = ++watched;
      return () => number / 100;
    };
    const measure = (side: { readonly name: string }) => {
      order.push(side.name);
      return Promise.resolve({ ms: order.length });
    };
    const round = await measureInTurn(sides, 1, measure, watch);
    expect(order).toEqual(["b", "c", "a"]);
    expect(Object.fromEntries(round)).toEqual({
      b: { ms: 1, foreignShare: 0.01 },
      c: { ms: 2, foreignShare: 0.02 },
      a: { ms: 3, foreignShare: 0.03 },
    });
  });

  it("names the side that failed", async () => {
    const failing = () => Promise.reject(new Error("no answer"));
    await expect(measureInTurn(sides, 0, failing)).rejects.toThrow("a cannot be measured: no answer");
  });
});
