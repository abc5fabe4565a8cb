/** Ready-made answers of the vendors to one text: the same vector, each in the vendor's own words. */
import { createVectors } from "../stores/vectors.ts";

export const vectorLength = 1024;

const promptTokens = 38;

/** What vendors answer at a path of the benchmark's server. */
export function prepareAnswers(): ReadonlyMap<string, string> {
  const [vector = new Float32Array()] = createVectors(1, vectorLength, 1);
  const numbers = [...vector].map(shortest);
  const base64 = Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString("base64");
  const answers: Readonly<Record<keyof typeof paths, unknown>> = {
    openaiBase64: openai(base64),
    openaiJson: openai(numbers),
    azureBase64: openai(base64),
    azureJson: openai(numbers),
    mistral: { id: "0f1e2d3c4b5a69788796a5b4c3d2e1f0", ...openai(numbers) },
    gemini: { embeddings: [{ values: numbers }] },
    vertex: {
      predictions: [
        { embeddings: { values: numbers, statistics: { token_count: promptTokens, truncated: false } } },
      ],
    },
    // Titan 2 sends its numbers twice.
    bedrock: {
      embedding: numbers,
      embeddingsByType: { float: numbers },
      inputTextTokenCount: promptTokens,
    },
    huggingface: [numbers],
    ollama: {
      model: "mxbai-embed-large",
      embeddings: [numbers],
      total_duration: 14143917,
      load_duration: 1019500,
      prompt_eval_count: promptTokens,
    },
  };
  return new Map(
    (Object.keys(paths) as (keyof typeof paths)[]).map((name) => [
      paths[name],
      JSON.stringify(answers[name]),
    ]),
  );
}

/** Where each answer is to be had. Some embedders tell by the path what is spoken there. */
export const paths = {
  openaiBase64: "/openai/base64/v1/embeddings",
  openaiJson: "/openai/json/v1/embeddings",
  azureBase64: "/azure/base64/embeddings",
  azureJson: "/azure/json/embeddings",
  mistral: "/mistral/v1/embeddings",
  gemini: "/v1beta/models/gemini-embedding-001:batchEmbedContents",
  vertex: "/v1/publishers/google/models/text-embedding-005:predict",
  bedrock: "/model/amazon.titan-embed-text-v2%3A0/invoke",
  huggingface: "/huggingface/embed",
  ollama: "/api/embed",
} as const;

function openai(embedding: string | readonly number[]) {
  return {
    object: "list",
    data: [{ object: "embedding", index: 0, embedding }],
    model: "text-embedding-3-small",
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
  };
}

/** As vendors write numbers: the fewest digits that give the same float32 back, 12 characters or so. */
function shortest(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}
