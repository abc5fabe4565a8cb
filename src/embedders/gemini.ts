/** Embeddings from Google: the Gemini API, or Vertex AI where `model.options.gemini` names a project. */
import { googleToken } from "../cloud-identity/google.ts";
import { defineEmbedder, type Embedder, type EmbedderConfig, type EmbedderServices } from "./embedder.ts";
import { type Method, methods } from "./gemini/method.ts";
import { type GeminiModel, geminiModel } from "./gemini/model.ts";
import { readGoogleRefusal } from "./gemini/refusal.ts";
import { type Bearer, bearer } from "./http/bearer.ts";
import { fewerTexts, isRequestRefused, shorterTexts } from "./http/give-way.ts";
import {
  bodyCredential,
  jsonHeaders,
  readEndpoint,
  requireModel,
  secretsOf,
  spaceOf,
  urlWithCredential,
} from "./http/request.ts";
import { createHttpEmbedder, type EmbeddingsDialect } from "./http-embedder.ts";

/**
 * The models take 2048 tokens, the later ones 8192, and leave out the rest without a word. 8192 bytes are some 2048
 * tokens of English, more than a routing decision gains from.
 */
const bytesPerText = 8192;

const scope = "https://www.googleapis.com/auth/cloud-platform";

export const gemini = defineEmbedder({
  name: "gemini",
  summary: "Embeds with Google's Gemini API by key, or with Vertex AI by service account.",
  create: createGeminiEmbedder,
});

function createGeminiEmbedder(config: EmbedderConfig, services: EmbedderServices): Embedder {
  const model = geminiModel(requireModel(config, "gemini-embedding-001"));
  const endpoint = readEndpoint(config, standardUrl(config, model));
  const parts: Parts = {
    config,
    model,
    endpoint,
    method: methodOf(config, model, endpoint),
    signedIn: signIn(config, services),
  };
  return createHttpEmbedder(asking(parts, initiallyAsked(parts)), services);
}

interface Parts {
  readonly config: EmbedderConfig;
  readonly model: GeminiModel;
  readonly endpoint: URL;
  readonly method: Method;
  /** Undefined where the credential is a fixed header or parameter. */
  readonly signedIn: Bearer | undefined;
}

function standardUrl(config: EmbedderConfig, model: GeminiModel): string {
  const vertex = readVertex(config);
  const id = encodeURIComponent(model.id);
  if (vertex === undefined)
    return `https://generativelanguage.googleapis.com/v1beta/models/${id}:${model.publicMethod}`;
  const { host, project, location } = vertex;
  const parent = `projects/${encodeURIComponent(project)}/locations/${encodeURIComponent(location)}`;
  return `https://${host}/v1/${parent}/publishers/google/models/${id}:${model.vertexMethod}`;
}

function readVertex({ model }: EmbedderConfig) {
  const { api_endpoint: host, project_id: project, location_id: location } = model.options?.gemini ?? {};
  if (!host && !project && !location) return undefined;
  const at = "embeddings.model.options.gemini";
  if (!host || !project || !location)
    throw new Error(`${at}: api_endpoint, project_id and location_id go together, for Vertex AI`);
  if (!/^[\w.-]+(?::\d+)?$/.test(host))
    throw new Error(
      `${at}.api_endpoint must be a host name without scheme and path, e.g. us-central1-aiplatform.googleapis.com`,
    );
  return { host, project, location };
}

/** The last part of an own URL says what is spoken there; one that says nothing is taken for what stands in front of it. */
function methodOf(config: EmbedderConfig, model: GeminiModel, endpoint: URL): Method {
  const said = /:(\w+)$/.exec(endpoint.pathname)?.[1];
  const usual = readVertex(config) === undefined ? model.publicMethod : model.vertexMethod;
  return Object.values(methods).find(({ name }) => name === said) ?? methods[usual];
}

/** A service account where the config asks for one, and for Vertex AI where it has no other credential. */
function signIn(config: EmbedderConfig, services: EmbedderServices): Bearer | undefined {
  const { auth } = config;
  const hasFixed = auth?.header_name !== undefined || auth?.param_name !== undefined;
  const isNeeded = auth?.gcp_use_service_account || (readVertex(config) !== undefined && !hasFixed);
  if (!isNeeded) return undefined;
  const token = googleToken(
    {
      serviceAccountJson: auth?.gcp_service_account_json,
      metadataUrl: auth?.gcp_metadata_url,
      oauthTokenUrl: auth?.gcp_oauth_token_url,
      scope,
    },
    services,
  );
  return bearer(token);
}

/** What is asked beyond the texts; each of it may turn out to be more than the model understands. */
interface Asked {
  readonly isTask: boolean;
  readonly areDimensions: boolean;
  readonly textsPerCall: number;
  readonly bytesPerText: number;
}

function initiallyAsked({ config, model, method }: Parts): Asked {
  const isAlone = method.name === "predict" && model.isPredictedAlone;
  return {
    isTask: !model.isTaskInText,
    areDimensions: config.dimensions !== undefined,
    textsPerCall: isAlone ? 1 : method.textsPerCall,
    bytesPerText,
  };
}

function asking(parts: Parts, asked: Asked): EmbeddingsDialect {
  const { config, endpoint, method, model, signedIn } = parts;
  const { auth, dimensions } = config;
  const url = urlWithCredential(endpoint, auth);
  const headers = jsonHeaders(auth);
  const isGoogles = config.model.options?.upstream_url === undefined;
  return {
    provider: "gemini",
    model: model.id,
    space: spaceOf({ provider: "gemini", endpoint, model: model.id, dimensions }),
    host: endpoint.host,
    dimensions,
    nativeDimensions: isGoogles ? model.dimensions : undefined,
    textsPerCall: asked.textsPerCall,
    bytesPerCall: method.bytesPerCall,
    bytesPerText: asked.bytesPerText,
    secrets: secretsOf(auth),
    encode(texts) {
      const body = method.encode(texts.map(model.phrase), {
        model: model.id,
        task: asked.isTask ? "SEMANTIC_SIMILARITY" : undefined,
        dimensions: asked.areDimensions ? dimensions : undefined,
      });
      return { url, headers, body: JSON.stringify({ ...body, ...bodyCredential(auth) }) };
    },
    ...(signedIn && { authorize: signedIn.authorize }),
    decode: ({ body }) => method.decode(body),
    readRefusal: (answer) => ({ ...readGoogleRefusal(answer.body), ...signedIn?.readRefusal(answer) }),
    giveWay(status, message) {
      const less = askLess(asked, status, message);
      return less && asking(parts, less);
    },
  };
}

/** Older and hosted models have one length, or no tasks, and answer 400 to a field they do not know. */
function askLess(asked: Asked, status: number, message: string): Asked | undefined {
  if (!isRequestRefused(status)) return undefined;
  if (asked.isTask && /task_?type/i.test(message)) return { ...asked, isTask: false };
  if (asked.areDimensions && /dimension/i.test(message)) return { ...asked, areDimensions: false };
  const textsPerCall = fewerTexts(asked.textsPerCall, message);
  if (textsPerCall !== undefined) return { ...asked, textsPerCall };
  const bytesPerText = shorterTexts(asked.bytesPerText, message);
  return bytesPerText === undefined ? undefined : { ...asked, bytesPerText };
}
