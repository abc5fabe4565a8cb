import { describePublishedSchema, type Wider } from "../../../test/support/published-schema.ts";
import { aiProxyConfig } from "../ai-proxy/config.ts";
import { aiProxyAdvancedConfig } from "./config.ts";

/** Where we accept more than Kong does. */
const wider: Wider = {
  "embeddings.model.provider": {
    choices: ["azure", "bedrock", "gemini", "huggingface", "local", "mistral", "ollama", "openai"],
  },
  "embeddings.model.name": { isRequired: false },
  "vectordb.strategy": { choices: ["memory", "pgvector", "redis"] },
  "vectordb.dimensions": { isRequired: false },
  "vectordb.distance_metric": { isRequired: false },
};

describePublishedSchema({ name: "AiProxyAdvanced", schema: aiProxyAdvancedConfig, count: 178, wider });
describePublishedSchema({ name: "AiProxy", schema: aiProxyConfig, count: 70 });
