/** OpenAI's chat completions (https://platform.openai.com/docs/api-reference/chat). */
import { defineOpenAiCompatible } from "./openai-compatible.ts";

export const openai = defineOpenAiCompatible({
  name: "openai",
  summary: "OpenAI, and any server that speaks its chat dialect behind `upstream_url`.",
  baseUrl: "https://api.openai.com:443",
  chatPath: "/v1/chat/completions",
  refusedFields: ["top_k"],
  refusesMaxTokens,
});

/**
 * The o-series and gpt-5 onwards answer 400 to `max_tokens`. Decided by the model's name alone, fine-tunes included:
 * a server behind `upstream_url` that serves another model gets `max_tokens`, the only name older servers know.
 * One digit after `gpt-`, because Azure writes gpt-3.5 as `gpt-35`.
 */
function refusesMaxTokens(modelName: string): boolean {
  return /^(?:ft:)?(?:o[1-9]|gpt-[5-9])(?![a-z0-9])/.test(modelName);
}
