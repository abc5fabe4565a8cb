/** The values `llm_format` may take: the wire format clients speak. */
export const llmFormats = ["anthropic", "bedrock", "cohere", "gemini", "huggingface", "openai"] as const;

export type LlmFormat = (typeof llmFormats)[number];

/** OpenAI's wire JSON is our canonical form; it needs no translation. */
export const canonicalFormat = "openai" satisfies LlmFormat;
