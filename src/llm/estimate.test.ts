import { describe, expect, it } from "vitest";
import { estimateUsage } from "./estimate.ts";

describe("estimateUsage", () => {
  it("counts 1.8 tokens a word and a token for four characters, as Kong documents", () => {
    const request = {
      messages: [
        { role: "system", content: "be brief" },
        { role: "user", content: " one\ttwo\n three " },
      ],
    };
    expect(estimateUsage(request, 9)).toEqual({ inputTokens: 9, outputTokens: 3, estimated: true });
  });

  it("counts nothing where there is nothing", () => {
    expect(estimateUsage({ messages: [{ role: "user", content: null }] }, 0)).toEqual({
      inputTokens: 0,
      outputTokens: 0,
      estimated: true,
    });
  });
});
