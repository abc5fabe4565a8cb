/** Embedding models on Bedrock: each family has a body of its own inside the same InvokeModel call. */
import { isJsonObject } from "../../llm/json.ts";
import { readNumbers } from "../http/answer.ts";

export interface FamilyOptions {
  /** As configured, and allowed for the family; undefined: the model's own. */
  readonly dimensions: number | undefined;
  /** `embeddings_normalize`. The engine brings vectors to unit length in any case. */
  readonly isNormalized: boolean | undefined;
}

export interface Family {
  /** Model ids as the vendor documents them; versions (`:0`, `:0:8k`) may follow. */
  readonly models: readonly string[];
  /** Lengths that the model can answer; the first is its own. */
  readonly dimensions: readonly [number, ...number[]];
  readonly textsPerCall: number;
  readonly bytesPerText: number;
  encode(texts: readonly string[], options: FamilyOptions): Readonly<Record<string, unknown>>;
  /** The vectors of an answer; throws an `Error` that quotes nothing. */
  decode(answer: Readonly<Record<string, unknown>>): readonly Float32Array[];
}

/** Titan and Nova take 8192 tokens, and refuse more where they do not truncate. Bytes, of which a token has at least one. */
const longText = 8192;

/**
 * Vectors are compared with each other, descriptions of targets with prompts, and one call does not know which side
 * its texts are on; so that both sides are embedded for one purpose. Of those on offer, `clustering` is the one that
 * means "near texts have near vectors"; the search types expect a document on one side and a query on the other.
 */
const purpose = "clustering";

/** docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html */
const titanG1: Family = {
  models: ["amazon.titan-embed-text-v1", "amazon.titan-embed-g1-text-02"],
  dimensions: [1536],
  textsPerCall: 1,
  bytesPerText: longText,
  encode: ([inputText]) => ({ inputText }),
  decode: ({ embedding }) => [readNumbers(embedding, 0)],
};

const titanV2: Family = {
  ...titanG1,
  models: ["amazon.titan-embed-text-v2"],
  dimensions: [1024, 512, 256],
  encode: ([inputText], { dimensions, isNormalized }) => ({
    inputText,
    ...(dimensions !== undefined && { dimensions }),
    ...(isNormalized !== undefined && { normalize: isNormalized }),
  }),
};

/**
 * docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v3.html. The service counts characters, and
 * refuses more than 2048 before the model would truncate.
 */
const cohereV3: Family = {
  models: ["cohere.embed-english-v3", "cohere.embed-multilingual-v3"],
  dimensions: [1024],
  textsPerCall: 96,
  bytesPerText: 2048,
  encode: (texts) => ({ texts, input_type: purpose, truncate: "END" }),
  decode: ({ embeddings }) => readList(isJsonObject(embeddings) ? embeddings["float"] : embeddings),
};

/**
 * docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v4.html. It takes 128 000 tokens; more than the
 * others' 8192 would gain nothing for a routing decision and not be back before its deadline.
 */
const cohereV4: Family = {
  ...cohereV3,
  models: ["cohere.embed-v4"],
  dimensions: [1536, 1024, 512, 256],
  bytesPerText: longText,
  encode: (texts, { dimensions }) => ({
    texts,
    input_type: purpose,
    truncate: "RIGHT",
    embedding_types: ["float"],
    ...(dimensions !== undefined && { output_dimension: dimensions }),
  }),
};

/** docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html */
const nova: Family = {
  models: ["amazon.nova-2-multimodal-embeddings-v1"],
  dimensions: [3072, 1024, 384, 256],
  textsPerCall: 1,
  bytesPerText: longText,
  encode: ([value], { dimensions }) => ({
    schemaVersion: "nova-multimodal-embed-v1",
    taskType: "SINGLE_EMBEDDING",
    singleEmbeddingParams: {
      embeddingPurpose: purpose.toUpperCase(),
      ...(dimensions !== undefined && { embeddingDimension: dimensions }),
      text: { truncationMode: "END", value },
    },
  }),
  decode: ({ embeddings }) =>
    readItems(embeddings).map((item, place) =>
      readNumbers(isJsonObject(item) ? item["embedding"] : undefined, place),
    ),
};

const families = [titanG1, titanV2, cohereV3, cohereV4, nova] as const;

/**
 * The family of a model id, of an inference profile's (`us.cohere.embed-v4:0`), or of the ARN of either. Throws an
 * `Error` that lists what is supported; an ARN that does not name its model (provisioned throughput, application
 * inference profile) cannot be told.
 */
export function familyOf(model: string): Family {
  const id = model.slice(model.lastIndexOf("/") + 1);
  const found = families.find(({ models }) => models.some((name) => isVersionOf(id, name)));
  if (found !== undefined) return found;
  const supported = families.flatMap(({ models }) => models).join(", ");
  throw new Error(
    `embeddings.model.name: "${model}" is not an embedding model that is supported on Bedrock; supported are ` +
      `${supported}, with a version, and with the prefix of an inference profile or as an ARN that holds that name`,
  );
}

/** A prefix says where an inference profile may run the model: `us.`, `eu.`, `us-gov.`, `global.` */
function isVersionOf(id: string, name: string): boolean {
  const bare = id.startsWith(name) ? id : id.replace(/^[a-z][a-z-]*\./, "");
  return bare === name || bare.startsWith(`${name}:`);
}

/** `dimensions` when the family can answer it; throws an `Error` that lists the lengths it can. */
export function checkDimensions(family: Family, model: string, dimensions: number | undefined): void {
  if (dimensions === undefined || family.dimensions.includes(dimensions)) return;
  const lengths = [...family.dimensions].sort((a, b) => a - b);
  throw new Error(
    `${model} answers vectors of ${lengths.join(" or ")} numbers, not of ${dimensions}: ` +
      `set vectordb.dimensions to ${lengths.length === 1 ? "that" : "one of these"}, or choose another model`,
  );
}

function readList(value: unknown): readonly Float32Array[] {
  return readItems(value).map(readNumbers);
}

function readItems(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new Error("the answer has no list of embeddings");
}
