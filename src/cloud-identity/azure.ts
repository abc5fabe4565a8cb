/**
 * Signing in to Azure (Microsoft Entra ID): with a client secret, or with the identity that the platform gives to
 * the machine, the app or the pod. Facts: "OAuth 2.0 client credentials flow" and "managed identities for Azure
 * resources: acquire an access token" of Microsoft's documentation.
 */
import { readFile } from "node:fs/promises";
import { keep } from "./kept.ts";
import { requestToken } from "./oauth.ts";
import { IdentityError, type IdentityServices, type IssuedToken, type TokenSource } from "./token-source.ts";

/** The settings `azure_tenant_id`, `azure_client_id` and `azure_client_secret`, as the schema leaves them. */
export interface AzureTokenOptions {
  readonly tenantId?: string | undefined;
  readonly clientId?: string | undefined;
  readonly clientSecret?: string | undefined;
  /** What the token is for, e.g. `https://cognitiveservices.azure.com/.default`. */
  readonly scope: string;
}

const signInTimeoutMs = 10_000;

/** A metadata service is on the machine itself, or it is not there and the connection hangs. */
const metadataTimeoutMs = 5_000;

type Issue = () => Promise<IssuedToken>;

/**
 * With a client secret (set, or `AZURE_CLIENT_SECRET` with its client and tenant): the client credentials flow.
 * Without: App Service and Container Apps (`IDENTITY_ENDPOINT`), workload identity (`AZURE_FEDERATED_TOKEN_FILE`),
 * else the machine's metadata service; there `clientId` names a user-assigned identity. Throws an `Error` that names
 * the setting when the settings do not fit together.
 */
export function azureToken(options: AzureTokenOptions, services: IdentityServices): TokenSource {
  return keep(chooseWay(options, services), services.wallClock);
}

function chooseWay(options: AzureTokenOptions, services: IdentityServices): Issue {
  const { env } = services;
  const secretClient = readSecretClient(options, env);
  if (secretClient !== undefined) return withSecret(secretClient, options.scope, services);
  if (env["IDENTITY_ENDPOINT"]) return fromApp(options, env["IDENTITY_ENDPOINT"], services);
  const file = env["AZURE_FEDERATED_TOKEN_FILE"];
  if (file) return fromWorkload(options, file, services);
  return fromMachine(options, services);
}

interface SecretClient {
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

function readSecretClient(
  { tenantId, clientId, clientSecret }: AzureTokenOptions,
  env: IdentityServices["env"],
): SecretClient | undefined {
  if (clientSecret) {
    const missing = [...(tenantId ? [] : ["azure_tenant_id"]), ...(clientId ? [] : ["azure_client_id"])];
    if (tenantId && clientId) return { tenantId, clientId, clientSecret };
    throw new Error(`azure_client_secret needs ${missing.join(" and ")} beside it`);
  }
  const { AZURE_TENANT_ID: envTenant, AZURE_CLIENT_ID: envClient, AZURE_CLIENT_SECRET: envSecret } = env;
  // The environment's secret is the environment's client's, not another one's.
  const isSame = (clientId ?? envClient) === envClient && (tenantId ?? envTenant) === envTenant;
  if (!envTenant || !envClient || !envSecret || !isSame) return undefined;
  return { tenantId: envTenant, clientId: envClient, clientSecret: envSecret };
}

function withSecret(client: SecretClient, scope: string, services: IdentityServices): Issue {
  const { tenantId, clientId, clientSecret } = client;
  const url = signInUrl(tenantId, services.env);
  return () =>
    requestToken(
      {
        issuer: `Azure's sign-in at ${url.host}`,
        method: "POST",
        url: url.href,
        form: { grant_type: "client_credentials", client_id: clientId, client_secret: clientSecret, scope },
        timeoutMs: signInTimeoutMs,
        secrets: [clientSecret],
        hint: "check azure_tenant_id, azure_client_id and azure_client_secret",
      },
      services,
    );
}

function signInUrl(tenantId: string, env: IdentityServices["env"]): URL {
  const authority = env["AZURE_AUTHORITY_HOST"] || "https://login.microsoftonline.com";
  return under(authority, `${encodeURIComponent(tenantId)}/oauth2/v2.0/token`, "AZURE_AUTHORITY_HOST");
}

function under(base: string, path: string, variable: string): URL {
  if (!/^https?:\/\//i.test(base) || !URL.canParse(base))
    throw new Error(`the environment variable ${variable} is not an http(s) URL`);
  return new URL(path, base.endsWith("/") ? base : `${base}/`);
}

/** Azure App Service, Functions and Container Apps. */
function fromApp(
  { clientId, scope }: AzureTokenOptions,
  endpoint: string,
  services: IdentityServices,
): Issue {
  const header = services.env["IDENTITY_HEADER"];
  if (!header)
    throw new Error(
      "IDENTITY_ENDPOINT is set without IDENTITY_HEADER, as on Azure Arc, whose identity is not supported: " +
        "set azure_tenant_id, azure_client_id and azure_client_secret",
    );
  if (!/^https?:\/\//i.test(endpoint) || !URL.canParse(endpoint))
    throw new Error("the environment variable IDENTITY_ENDPOINT is not an http(s) URL");
  const url = withQuery(new URL(endpoint), "2019-08-01", scope, clientId);
  return () =>
    requestToken(
      {
        issuer: "The app's managed identity (IDENTITY_ENDPOINT)",
        method: "GET",
        url: url.href,
        headers: { "x-identity-header": header },
        timeoutMs: metadataTimeoutMs,
        secrets: [header],
        hint: "check that a managed identity is assigned to the app, a user-assigned one named by azure_client_id",
      },
      services,
    );
}

/** A pod in Kubernetes with a federated identity; the platform rewrites the file before its token expires. */
function fromWorkload(options: AzureTokenOptions, file: string, services: IdentityServices): Issue {
  const tenantId = options.tenantId || services.env["AZURE_TENANT_ID"];
  const clientId = options.clientId || services.env["AZURE_CLIENT_ID"];
  if (!tenantId || !clientId)
    throw new Error(
      "AZURE_FEDERATED_TOKEN_FILE is set, but not the tenant and the client it is for: " +
        "set AZURE_TENANT_ID and AZURE_CLIENT_ID, or azure_tenant_id and azure_client_id",
    );
  const url = signInUrl(tenantId, services.env);
  return async () => {
    const assertion = await readAssertion(file);
    return requestToken(
      {
        issuer: `Azure's sign-in for workloads at ${url.host}`,
        method: "POST",
        url: url.href,
        form: {
          grant_type: "client_credentials",
          client_id: clientId,
          client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
          client_assertion: assertion,
          scope: options.scope,
        },
        timeoutMs: signInTimeoutMs,
        secrets: [assertion],
        hint: "check the federated credential of the identity: its issuer, subject and audience",
      },
      services,
    );
  };
}

async function readAssertion(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (cause) {
    throw new IdentityError("the file in AZURE_FEDERATED_TOKEN_FILE cannot be read", {
      cause,
      isRetryable: true,
    });
  }
}

/** A virtual machine, by its instance metadata service, which has no name and no certificate. */
function fromMachine({ clientId, scope }: AzureTokenOptions, services: IdentityServices): Issue {
  const variable = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
  const host = services.env[variable] || "http://169.254.169.254";
  const url = withQuery(
    under(host, "metadata/identity/oauth2/token", variable),
    "2018-02-01",
    scope,
    clientId,
  );
  return () =>
    requestToken(
      {
        issuer: `Azure's instance metadata service at ${url.host}`,
        method: "GET",
        url: url.href,
        headers: { metadata: "true" },
        timeoutMs: metadataTimeoutMs,
        // "Retry guidance": 404 and 410 while the service is being updated.
        retryableStatuses: [404, 410],
        hint:
          "check that a managed identity is assigned to this machine, a user-assigned one named by azure_client_id; " +
          "outside Azure set azure_tenant_id, azure_client_id and azure_client_secret",
      },
      services,
    );
}

/** These services take a resource where the sign-in takes a scope of it. */
function withQuery(endpoint: URL, version: string, scope: string, clientId: string | undefined): URL {
  const url = new URL(endpoint);
  url.searchParams.set("api-version", version);
  url.searchParams.set("resource", scope.replace(/\/\.default$/, ""));
  if (clientId) url.searchParams.set("client_id", clientId);
  return url;
}
