/** The embedders that are compared, each with its vendor at the benchmark's server, and the transport alone. */
import { setMaxListeners } from "node:events";
import type { Embedder, EmbedderConfig, EmbedderServices } from "../../src/embedders/embedder.ts";
import { findEmbedder } from "../../src/embedders/index.ts";
import { createEmbeddingRegistry, type EmbeddingHandle } from "../../src/embedders/registry.ts";
import type { HttpCall } from "../../src/http/http-call.ts";
import { seededRandom } from "../../src/simulator/text/random.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { systemSchedule } from "../../src/util/schedule.ts";
import { paths, prepareAnswers, vectorLength } from "./answers.ts";

export interface EmbedderSide {
  readonly name: string;
  /** Characters of the answer; undefined where nobody is asked. */
  readonly answerLength: number | undefined;
  /** The transport alone with an answer of the same kind; undefined for what has no transport, and for itself. */
  readonly base: string | undefined;
  /** A prompt never seen before: its vector, checked, or what the transport alone does for it. */
  embed(prompt: string): unknown;
}

type AnswerName = keyof typeof paths;

interface Vendor {
  readonly name: string;
  readonly provider: string;
  readonly model: string;
  readonly answer: AnswerName;
  readonly base: string;
  readonly auth?: EmbedderConfig["auth"];
  readonly env?: EmbedderServices["env"];
}

const transportJson = "transport alone, JSON";
const transportBase64 = "transport alone, base64";
const bearer = { header_name: "Authorization", header_value: "Bearer benchmark-key" };
const awsKeys = { aws_access_key_id: "AKIABENCHMARK", aws_secret_access_key: "benchmark-secret" };
const titan = "amazon.titan-embed-text-v2:0";
const small = "text-embedding-3-small";

const vendors: readonly Vendor[] = [
  {
    name: "openai, base64",
    provider: "openai",
    model: small,
    answer: "openaiBase64",
    base: transportBase64,
    auth: bearer,
  },
  {
    name: "openai, JSON",
    provider: "openai",
    model: small,
    answer: "openaiJson",
    base: transportJson,
    auth: bearer,
  },
  {
    name: "azure, base64",
    provider: "azure",
    model: small,
    answer: "azureBase64",
    base: transportBase64,
    auth: { header_name: "api-key", header_value: "benchmark-key" },
  },
  {
    name: "azure, JSON",
    provider: "azure",
    model: small,
    answer: "azureJson",
    base: transportJson,
    auth: { header_name: "api-key", header_value: "benchmark-key" },
  },
  {
    name: "mistral",
    provider: "mistral",
    model: "mistral-embed",
    answer: "mistral",
    base: transportJson,
    auth: bearer,
  },
  {
    name: "gemini, Gemini API",
    provider: "gemini",
    model: "gemini-embedding-001",
    answer: "gemini",
    base: transportJson,
    auth: { header_name: "x-goog-api-key", header_value: "benchmark-key" },
  },
  {
    name: "gemini, Vertex AI",
    provider: "gemini",
    model: "text-embedding-005",
    answer: "vertex",
    base: transportJson,
    auth: bearer,
  },
  {
    name: "bedrock, signed (SigV4)",
    provider: "bedrock",
    model: titan,
    answer: "bedrock",
    base: transportJson,
    auth: awsKeys,
  },
  {
    name: "bedrock, API key",
    provider: "bedrock",
    model: titan,
    answer: "bedrock",
    base: transportJson,
    env: { AWS_BEARER_TOKEN_BEDROCK: "benchmark-key" },
  },
  {
    name: "huggingface",
    provider: "huggingface",
    model: "mixedbread-ai/mxbai-embed-large-v1",
    answer: "huggingface",
    base: transportJson,
    auth: bearer,
  },
  { name: "ollama", provider: "ollama", model: "mxbai-embed-large", answer: "ollama", base: transportJson },
];

/** An eighth of the gateway's entries: a gateway has one such cache, and here there are many for the collector to walk. */
const cacheBounds = { maxEntries: 1024, maxBytes: 64 * 1024 * 1024 };

const { signal } = new AbortController();
// Many calls at once share it.
setMaxListeners(0, signal);

/** The local one first, then the transport alone, then the vendors at `origin`. */
export function createSides(origin: string, call: HttpCall): readonly EmbedderSide[] {
  const lengths = new Map([...prepareAnswers()].map(([path, body]) => [path, body.length]));
  const transport = (name: string, answer: AnswerName): EmbedderSide => ({
    name,
    answerLength: lengths.get(paths[answer]),
    base: undefined,
    embed: (prompt) => ask(call, origin + paths[answer], prompt),
  });
  return [
    {
      name: "local",
      answerLength: undefined,
      base: undefined,
      embed: embedding(create("local", { model: {} }, { call, wallClock: Date.now, env: {} })),
    },
    transport(transportBase64, "openaiBase64"),
    transport(transportJson, "openaiJson"),
    ...vendors.map((vendor) => ({
      name: vendor.name,
      answerLength: lengths.get(paths[vendor.answer]),
      base: vendor.base,
      embed: embedding(createVendor(vendor, origin, call)),
    })),
  ];
}

/** An embedder whose vendor is at `origin`. */
export function createVendor(vendor: Vendor, origin: string, call: HttpCall): Embedder {
  const { provider, model, answer, auth, env = {} } = vendor;
  const bedrock = { aws_region: "eu-west-1", embeddings_normalize: true };
  const options = { upstream_url: origin + paths[answer], bedrock };
  const config: EmbedderConfig = { model: { name: model, options }, auth, dimensions: vectorLength };
  return create(provider, config, { call, wallClock: Date.now, env });
}

/** Every vendor of the comparison. */
export const comparedVendors = vendors;

function create(provider: string, config: EmbedderConfig, services: EmbedderServices): Embedder {
  const definition = findEmbedder(provider);
  if (definition === undefined) throw new Error(`there is no embedder ${provider}`);
  return definition.create(config, services);
}

/** As the gateway embeds a prompt: through the registry, with its deadline, its breaker and its cache. */
function embedding(embedder: Embedder): EmbedderSide["embed"] {
  const handle: EmbeddingHandle = createEmbeddingRegistry({
    now: () => performance.now(),
    random: seededRandom(1),
    log: createLogger({
      level: "warn",
      pretty: true,
      write: (text) => process.stderr.write(text),
      wallClock: () => Date.now(),
    }),
    schedule: systemSchedule,
    bounds: cacheBounds,
  }).acquire(embedder, { timeoutMs: 30_000 });
  const check = ({ cached, vector }: { readonly cached: boolean; readonly vector: Float32Array }) => {
    if (cached) throw new Error(`${embedder.provider}: a prompt was cached`);
    if (vector.length !== embedder.dimensions)
      throw new Error(`${embedder.provider}: a vector of ${vector.length} numbers`);
  };
  return (prompt) => {
    const embedded = handle.embedPrompt(prompt, signal);
    return embedded instanceof Promise ? embedded.then(check) : check(embedded);
  };
}

const headers = {
  "content-type": "application/json",
  accept: "application/json",
  "accept-encoding": "identity",
};

/** What remains when nothing is encoded, read or checked. */
async function ask(call: HttpCall, url: string, body: string): Promise<void> {
  const { status } = await call({ url, headers, body, signal, timeoutMs: 30_000 });
  if (status !== 200) throw new Error(`the vendors answered ${status} at ${url}`);
}
