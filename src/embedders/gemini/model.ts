/** What is known of Google's embedding models ("Text embeddings API" of Vertex AI, "Embeddings" of the Gemini API). */
import type { MethodName } from "./method.ts";

export interface GeminiModel {
  /** As in addresses: without `models/` in front. */
  readonly id: string;
  /** The length of its vectors when none is asked for; undefined for a model that is not known here. */
  readonly dimensions: number | undefined;
  readonly publicMethod: MethodName;
  readonly vertexMethod: MethodName;
  /** `predict` takes one text of it, although the method has a list. */
  readonly isPredictedAlone: boolean;
  /** It takes its task as part of the text, and none in a field. */
  readonly isTaskInText: boolean;
  /** The text as it is sent. */
  readonly phrase: (text: string) => string;
}

/**
 * A prompt and a description are compared as equals, and an embedder does not know which of them it has before it, so
 * that only a task that is the same on both sides makes distances meaningful: similarity, not query and document.
 */
const similarityTask = "task: sentence similarity | query: ";

export function geminiModel(name: string): GeminiModel {
  const id = name.replace(/^models\//, "");
  const generation = Number(/^gemini-embedding-(\d+)/.exec(id)?.[1] ?? 0);
  const isTaskInText = generation >= 2;
  return {
    id,
    dimensions: nativeLength(id, generation),
    publicMethod: "batchEmbedContents",
    // As Google's own SDK decides: the later models have no `predict`.
    vertexMethod: generation >= 2 || id.includes("maas") ? "embedContent" : "predict",
    isPredictedAlone: id.startsWith("gemini-embedding"),
    isTaskInText,
    phrase: isTaskInText ? (text) => similarityTask + text : (text) => text,
  };
}

function nativeLength(id: string, generation: number): number | undefined {
  if (generation === 1 || generation === 2) return 3072;
  return /^text-(?:multilingual-)?embedding-00\d$/.test(id) ? 768 : undefined;
}
