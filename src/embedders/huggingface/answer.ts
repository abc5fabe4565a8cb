/** Reads what Hugging Face's servers answer. */
import { isJsonObject } from "../../llm/json.ts";
import { parseAnswer, readNumbers } from "../http/answer.ts";
import type { EmbeddingsAnswer, EmbeddingsRefusal } from "../http/dialect.ts";

/**
 * `[[…], …]`, one vector a text, or the same as `{"embeddings": […]}`, as the toolkit of Inference Endpoints has it.
 * A model without a pooling layer answers one vector a token. Their mean is a vector too, but such a model was not
 * trained to make texts comparable by it, and routes would be wrong without a sign: an error says so instead.
 */
export function readEmbeddings(body: string): EmbeddingsAnswer {
  const answer = parseAnswer(body);
  const list = isJsonObject(answer) ? answer["embeddings"] : answer;
  if (!Array.isArray(list)) throw new Error("the answer is not a list of embeddings");
  const [first] = list;
  if (Array.isArray(first) && Array.isArray(first[0]))
    throw new Error(
      "it holds one vector for each token: this model does not pool them into one for a text; " +
        "choose a model for sentence similarity, e.g. sentence-transformers/all-MiniLM-L6-v2",
    );
  // No part of this API counts tokens in its answer.
  return { vectors: list.map(readNumbers), inputTokens: undefined };
}

/** `{"error": …}` with text or a list of texts; while a model is loaded, with how long that may take in seconds. */
export function readRefusal(body: string): EmbeddingsRefusal {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return {};
  }
  if (!isJsonObject(json)) return {};
  const { error, estimated_time: seconds } = json;
  const lines = Array.isArray(error) ? error.filter((line) => typeof line === "string") : [];
  const isWait = typeof seconds === "number" && Number.isFinite(seconds) && seconds >= 0;
  return {
    message: lines.length > 0 ? lines.join("; ") : undefined,
    retryAfterMs: isWait ? Math.ceil(seconds * 1000) : undefined,
  };
}
