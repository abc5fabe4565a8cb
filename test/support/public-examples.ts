/** Published examples that ask for nothing this version lacks. */
export const supportedExamples = [
  "anthropic-chat-route.yaml",
  "circuit-breaker.yaml",
  "consistent-hashing.yaml",
  "deepseek-chat-route.yaml",
  "least-connections.yaml",
  "lowest-latency.yaml",
  "lowest-usage.yaml",
  "model-alias-routing.yaml",
  "openai-chat-route.yaml",
  "priority.yaml",
  "round-robin.yaml",
  "sdk-dynamic-model-selection.yml",
  "semantic-valkey.yaml",
  "semantic-with-fallback.yaml",
  "semantic.yaml",
] as const;
