/** The values `model.provider` may take in the published schema; which of them have an adapter is `index.ts`'s matter. */
export const providerNames = [
  "anthropic",
  "azure",
  "bedrock",
  "cerebras",
  "cohere",
  "dashscope",
  "databricks",
  "deepseek",
  "gemini",
  "huggingface",
  "llama2",
  "mistral",
  "ollama",
  "openai",
  "vllm",
  "xai",
] as const;

export type ProviderName = (typeof providerNames)[number];
