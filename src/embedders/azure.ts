/**
 * Embeddings from a deployment of Azure OpenAI, which speaks OpenAI's API under addresses of its own
 * (https://learn.microsoft.com/azure/ai-services/openai/reference), with a key or with an identity of Azure's.
 */
import { azureToken } from "../cloud-identity/azure.ts";
import {
  defineEmbedder,
  type Embedder,
  type EmbedderAuth,
  type EmbedderConfig,
  type EmbedderServices,
} from "./embedder.ts";
import { type Bearer, bearer } from "./http/bearer.ts";
import { readEndpoint, requireModel } from "./http/request.ts";
import { createHttpEmbedder } from "./http-embedder.ts";
import { hasOneLength, openaiBounds, openaiCompatible } from "./openai-compatible.ts";

/** What Azure OpenAI's data plane takes a token for. */
const scope = "https://cognitiveservices.azure.com/.default";

/** The published schema's default, which a config that is given as an object may have left out. */
const defaultApiVersion = "2023-05-15";

const settings = "embeddings.model.options.azure";

export const azure = defineEmbedder({
  name: "azure",
  summary: "Embeds with a deployment of Azure OpenAI, by key or by managed identity.",
  create: createAzureEmbedder,
});

function createAzureEmbedder(config: EmbedderConfig, services: EmbedderServices): Embedder {
  const { auth, dimensions } = config;
  const model = requireModel(config, "text-embedding-3-small");
  const deployment = config.model.options?.azure?.deployment_id ?? "";
  const signedIn = signIn(auth, services);
  const dialect = openaiCompatible({
    provider: "azure",
    model,
    endpoint: findEndpoint(config),
    auth,
    dimensions,
    // The address names a deployment; that its model is the one named here is the operator's word, not known.
    nativeDimensions: undefined,
    dimensionsField: hasOneLength(model) || hasOneLength(deployment) ? undefined : "dimensions",
    ...openaiBounds,
    ...signedIn,
  });
  return createHttpEmbedder(dialect, services);
}

/** An own URL is taken whole, but for the version that addresses of deployments cannot do without. */
function findEndpoint(config: EmbedderConfig): URL {
  const { options } = config.model;
  const version = options?.azure?.api_version || defaultApiVersion;
  const isOwn = options?.upstream_url !== undefined;
  const endpoint = isOwn ? readEndpoint(config, "") : deploymentUrl(config);
  const needsVersion = endpoint.pathname.includes("/deployments/");
  if (needsVersion && !endpoint.searchParams.has("api-version"))
    endpoint.searchParams.set("api-version", version);
  return endpoint;
}

function deploymentUrl({ model }: EmbedderConfig): URL {
  const { instance, deployment_id: deployment } = model.options?.azure ?? {};
  if (!instance || !deployment)
    throw new Error(`${settings}.${instance ? "deployment_id" : "instance"} is missing`);
  if (!/^[a-z0-9][a-z0-9-]*$/i.test(instance))
    throw new Error(
      `${settings}.instance must be the resource's name alone, e.g. contoso for contoso.openai.azure.com`,
    );
  const path = `/openai/deployments/${encodeURIComponent(deployment)}/embeddings`;
  return new URL(path, `https://${instance}.openai.azure.com`);
}

/** Undefined where the credential is a fixed header or parameter. */
function signIn(auth: EmbedderAuth | undefined, services: EmbedderServices): Bearer | undefined {
  if (!auth?.azure_use_managed_identity) return undefined;
  const { azure_tenant_id: tenantId, azure_client_id: clientId, azure_client_secret: clientSecret } = auth;
  return bearer(azureToken({ tenantId, clientId, clientSecret, scope }, services));
}
