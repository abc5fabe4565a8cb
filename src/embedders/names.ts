/** The values `embeddings.model.provider` may take; which of them have an embedder is `index.ts`'s matter. */

/** Kong's published names. */
const publishedNames = ["azure", "bedrock", "gemini", "huggingface", "mistral", "ollama", "openai"] as const;

/** Ours: a model inside the process, without a key and without a network. */
export const localEmbedderName = "local";

export const embedderNames = [...publishedNames, localEmbedderName] as const;
