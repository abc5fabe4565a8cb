/** A token counter whose tokens are words, for tests that are not about tokens. */
import type { CountTokens } from "../../src/llm/token-counter.ts";

export const countWords: CountTokens = async (texts) =>
  texts.flatMap((text) => text.split(/\s+/).filter((word) => word !== "")).length;
