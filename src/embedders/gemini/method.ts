/** The three methods by which Google's APIs embed: their bodies, their answers, their bounds. */
import { isJsonObject, type JsonObject } from "../../llm/json.ts";
import { parseAnswer, readCount, readNumbers } from "../http/answer.ts";
import type { EmbeddingsAnswer } from "../http/dialect.ts";

export type MethodName = "batchEmbedContents" | "embedContent" | "predict";

export interface Wish {
  readonly model: string;
  /** Undefined: not asked for. */
  readonly task: string | undefined;
  readonly dimensions: number | undefined;
}

export interface Method {
  readonly name: MethodName;
  readonly textsPerCall: number;
  readonly bytesPerCall: number;
  encode(texts: readonly string[], wish: Wish): Readonly<Record<string, unknown>>;
  /** Throws an `Error` that says what is wrong with the answer. */
  decode(body: string): EmbeddingsAnswer;
}

/** The Gemini API's: "at most 100 requests can be in one batch". */
const batchEmbedContents: Method = {
  name: "batchEmbedContents",
  textsPerCall: 100,
  bytesPerCall: 100 * 8192,
  encode: (texts, { model, task, dimensions }) => ({
    requests: texts.map((text) => ({
      model: `models/${model}`,
      content: { parts: [{ text }] },
      ...(task !== undefined && { taskType: task }),
      ...(dimensions !== undefined && { outputDimensionality: dimensions }),
    })),
  }),
  decode(body) {
    const answer = readObject(body);
    const vectors = readList(answer, "embeddings").map(readValues);
    return { vectors, inputTokens: promptTokens(answer) };
  },
};

/** One text a call; Vertex AI's later models have nothing else. */
const embedContent: Method = {
  name: "embedContent",
  textsPerCall: 1,
  bytesPerCall: 32_768,
  encode: ([text], { task, dimensions }) => ({
    content: { parts: [{ text }] },
    embedContentConfig: {
      ...(task !== undefined && { taskType: task }),
      ...(dimensions !== undefined && { outputDimensionality: dimensions }),
      autoTruncate: true,
    },
  }),
  decode(body) {
    const answer = readObject(body);
    return { vectors: [readValues(answer["embedding"], 0)], inputTokens: promptTokens(answer) };
  },
};

/** Vertex AI's: 250 texts and 20 000 tokens a call, which 20 000 bytes cannot exceed. */
const predict: Method = {
  name: "predict",
  textsPerCall: 250,
  bytesPerCall: 20_000,
  encode: (texts, { task, dimensions }) => ({
    instances: texts.map((content) => ({ content, ...(task !== undefined && { task_type: task }) })),
    parameters: {
      ...(dimensions !== undefined && { outputDimensionality: dimensions }),
      autoTruncate: true,
    },
  }),
  decode(body) {
    const embeddings = readList(readObject(body), "predictions").map((prediction) =>
      isJsonObject(prediction) ? prediction["embeddings"] : undefined,
    );
    return { vectors: embeddings.map(readValues), inputTokens: sumOf(embeddings.map(tokensOf)) };
  },
};

export const methods: Readonly<Record<MethodName, Method>> = { batchEmbedContents, embedContent, predict };

function readObject(body: string): JsonObject {
  const answer = parseAnswer(body);
  if (isJsonObject(answer)) return answer;
  throw new Error("the answer is not a JSON object");
}

function readList(answer: JsonObject, name: string): readonly unknown[] {
  const list: unknown = answer[name];
  if (Array.isArray(list)) return list;
  throw new Error(`the answer has no list \`${name}\``);
}

function readValues(embedding: unknown, place: number): Float32Array {
  return readNumbers(isJsonObject(embedding) ? embedding["values"] : undefined, place);
}

function promptTokens(answer: JsonObject): number | undefined {
  const usage = answer["usageMetadata"];
  return isJsonObject(usage) ? readCount(usage["promptTokenCount"]) : undefined;
}

function tokensOf(embedding: unknown): number | undefined {
  const statistics = isJsonObject(embedding) ? embedding["statistics"] : undefined;
  return isJsonObject(statistics) ? readCount(statistics["token_count"]) : undefined;
}

function sumOf(counts: readonly (number | undefined)[]): number | undefined {
  return counts.reduce<number | undefined>(
    (sum, count) => (count === undefined ? sum : (sum ?? 0) + count),
    undefined,
  );
}
