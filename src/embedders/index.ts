/** THE list of embedders. */
import { azure } from "./azure.ts";
import { bedrock } from "./bedrock.ts";
import type { EmbedderDefinition } from "./embedder.ts";
import { gemini } from "./gemini.ts";
import { huggingface } from "./huggingface.ts";
import { local } from "./local.ts";
import { mistral } from "./mistral.ts";
import { ollama } from "./ollama.ts";
import { openai } from "./openai.ts";

export const embedders = [openai, azure, mistral, gemini, bedrock, huggingface, ollama, local] as const;

/** The embedder for a value of `embeddings.model.provider`; undefined when none has that name. */
export function findEmbedder(name: string): EmbedderDefinition | undefined {
  return embedders.find((embedder) => embedder.name === name);
}
