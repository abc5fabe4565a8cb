/** Embeddings with models on Amazon Bedrock, by its InvokeModel call. */

import { dnsSuffix, readRegion } from "../cloud-identity/aws/regions.ts";
import { type AwsSigner, awsSigner } from "../cloud-identity/aws.ts";
import { isJsonObject } from "../llm/json.ts";
import { checkDimensions, type Family, familyOf } from "./bedrock/families.ts";
import { readAwsRefusal } from "./bedrock/refusal.ts";
import { defineEmbedder, type EmbedderAuth, type EmbedderConfig, type EmbedderServices } from "./embedder.ts";
import { parseAnswer, readCount } from "./http/answer.ts";
import type { EmbeddingsDialect } from "./http/dialect.ts";
import { isRequestRefused, shorterTexts } from "./http/give-way.ts";
import {
  bodyCredential,
  formsOf,
  jsonHeaders,
  readEndpoint,
  requireModel,
  secretsOf,
  spaceOf,
  urlWithCredential,
} from "./http/request.ts";
import { createHttpEmbedder } from "./http-embedder.ts";

export const bedrock = defineEmbedder({
  name: "bedrock",
  summary: "Embeds with Titan, Nova and Cohere models on Amazon Bedrock.",
  create(config, services) {
    const model = requireModel(config, "amazon.titan-embed-text-v2:0");
    const family = familyOf(model);
    checkDimensions(family, model, config.dimensions);
    const proof = chooseProof(config, services);
    const endpoint = endpointOf(config, services, model);
    const parts = { config, endpoint, family, model, proof };
    return createHttpEmbedder(dialectOf(parts, family.bytesPerText), services);
  },
});

/** Far below the 25 MB that InvokeModel takes. */
const bytesPerCall = 500_000;

/** What proves who we are: a signature, or a header that is already known. */
interface Proof {
  readonly headers: Readonly<Record<string, string>>;
  readonly signer: AwsSigner | undefined;
  readonly secrets: readonly string[];
}

interface DialectParts {
  readonly config: EmbedderConfig;
  readonly endpoint: URL;
  readonly family: Family;
  readonly model: string;
  readonly proof: Proof;
}

/**
 * An `Authorization` header in the config is a Bedrock API key and takes the place of the signature, and so does the
 * key in `AWS_BEARER_TOKEN_BEDROCK` where the config has no access key: the vendor's SDKs prefer it too.
 */
function chooseProof({ auth, model }: EmbedderConfig, services: EmbedderServices): Proof {
  const { aws_access_key_id: accessKeyId, aws_secret_access_key: secretAccessKey } = auth ?? {};
  const headers = jsonHeaders(auth);
  const configured = [...secretsOf(auth), ...formsOf(accessKeyId), ...formsOf(secretAccessKey)];
  if (headers["authorization"] !== undefined) {
    if (accessKeyId || secretAccessKey)
      throw new Error("embeddings.auth: an Authorization header and AWS access keys exclude each other");
    return { headers, signer: undefined, secrets: configured };
  }
  const apiKey = services.env["AWS_BEARER_TOKEN_BEDROCK"];
  if (apiKey && !accessKeyId && !secretAccessKey)
    return {
      headers: { ...headers, authorization: `Bearer ${apiKey}` },
      signer: undefined,
      secrets: [...configured, ...formsOf(apiKey)],
    };
  const options = model.options?.bedrock;
  const signer = awsSigner(
    {
      service: "bedrock",
      accessKeyId,
      secretAccessKey,
      region: options?.aws_region,
      assumeRoleArn: options?.aws_assume_role_arn,
      roleSessionName: options?.aws_role_session_name,
      stsEndpointUrl: options?.aws_sts_endpoint_url,
    },
    services,
  );
  const fromEnvironment = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
  return {
    headers,
    signer,
    secrets: [...configured, ...fromEnvironment.flatMap((name) => formsOf(services.env[name]))],
  };
}

/** `upstream_url`, to which the call's path is added where it has none: the address of a VPC endpoint is enough. */
function endpointOf(config: EmbedderConfig, { env }: EmbedderServices, model: string): URL {
  const { bedrock: options, upstream_url: configured } = config.model.options ?? {};
  const standard = (region: string) => `https://bedrock-runtime.${region}.${dnsSuffix(region)}`;
  const endpoint = readEndpoint(config, configured ?? standard(readRegion(options?.aws_region, env)));
  if (endpoint.pathname === "/") endpoint.pathname = `/model/${encodeURIComponent(model)}/invoke`;
  return endpoint;
}

function dialectOf(parts: DialectParts, bytesPerText: number): EmbeddingsDialect {
  const { config, endpoint, family, model, proof } = parts;
  const { dimensions, auth } = config;
  const { signer } = proof;
  const options = { dimensions, isNormalized: config.model.options?.bedrock?.embeddings_normalize };
  const url = urlWithCredential(endpoint, auth);
  const headers = { ...proof.headers, ...latencyHeader(config) };
  return {
    provider: "bedrock",
    model,
    space: spaceOf({ provider: "bedrock", endpoint, model, dimensions }),
    host: endpoint.host,
    dimensions,
    nativeDimensions: family.dimensions[0],
    textsPerCall: family.textsPerCall,
    bytesPerCall,
    bytesPerText,
    secrets: proof.secrets,
    encode: (texts) => ({ url, headers, body: encodeBody(family.encode(texts, options), auth) }),
    ...(signer !== undefined && {
      authorize: async (request, signal) => ({
        ...request,
        headers: await signer.sign({ method: "POST", ...request }, signal),
      }),
    }),
    decode(answer) {
      const json = parseAnswer(answer.body);
      if (!isJsonObject(json)) throw new Error("the answer is not an object");
      // Only Titan says it in the body; the header is there for every model, as text.
      const counted =
        json["inputTextTokenCount"] ?? Number(answer.headers["x-amzn-bedrock-input-token-count"]);
      return { vectors: family.decode(json), inputTokens: readCount(counted) };
    },
    readRefusal: (answer) => readAwsRefusal(answer, () => signer?.renew() ?? false),
    giveWay(status, message) {
      if (!isRequestRefused(status)) return undefined;
      const shorter = shorterTexts(bytesPerText, message.replace("maxLength", "max length"));
      return shorter === undefined ? undefined : dialectOf(parts, shorter);
    },
  };
}

function latencyHeader({ model }: EmbedderConfig): Readonly<Record<string, string>> {
  const latency = model.options?.bedrock?.performance_config_latency;
  return latency === undefined ? {} : { "x-amzn-bedrock-performanceconfig-latency": latency };
}

function encodeBody(body: Readonly<Record<string, unknown>>, auth: EmbedderAuth | undefined): string {
  return JSON.stringify({ ...body, ...bodyCredential(auth) });
}
