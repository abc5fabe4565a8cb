import { describe, expect, it } from "vitest";
import { createPrompts } from "./prompts.ts";

describe("createPrompts", () => {
  it("makes so many distinct prompts of so many words, the same ones for a seed", () => {
    const prompts = createPrompts(5_000, { wordCount: 30, seed: 7 });
    expect(new Set(prompts).size).toBe(5_000);
    for (const prompt of prompts) expect(prompt.split(" ")).toHaveLength(30);
    expect(createPrompts(5_000, { wordCount: 30, seed: 7 })).toEqual(prompts);
    expect(createPrompts(10, { seed: 8 })).not.toEqual(prompts.slice(0, 10));
  });
});
