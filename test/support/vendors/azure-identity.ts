/**
 * Microsoft Entra ID's token endpoint and Azure's metadata services, as their documentation has them: a client with a
 * secret, a federated workload, App Service's identity endpoint, and the machine's own (IMDS).
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { bodyOf, startUpstream, type Upstream } from "../http-upstream.ts";

export interface AzureIdentity extends Upstream {
  /** Environment that leads workload identity, App Service and the metadata service here; take what a test needs. */
  readonly env: Readonly<Record<"AZURE_AUTHORITY_HOST" | "AZURE_POD_IDENTITY_AUTHORITY_HOST", string>>;
  readonly identityEndpoint: string;
  /** The tokens handed out so far. */
  readonly issued: readonly string[];
  /** What was asked: method, path, and the query's or the form's fields. */
  readonly asked: readonly Asked[];
  /** Tokens issued from now on last this long. */
  lifetimeSeconds: number;
  /** The next so many requests are answered with this status. */
  fail(times: number, status: number): void;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly fields: Readonly<Record<string, string>>;
}

export const azureClient = {
  tenantId: "11111111-2222-3333-4444-555555555555",
  clientId: "99999999-8888-7777-6666-000000000000",
  clientSecret: "s3cr3t~of.the_client",
  /** What Kubernetes would write into the federated token file. */
  assertion: "eyJhbGciOiJSUzI1NiJ9.federated.signature",
  /** A user-assigned identity of machine and app. */
  userAssigned: "77777777-0000-0000-0000-000000000001",
  identityHeader: "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a",
} as const;

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export async function startAzureIdentity(wallClock: () => number = Date.now): Promise<AzureIdentity> {
  const issued: string[] = [];
  const asked: Asked[] = [];
  const failures: number[] = [];

  function issue(): string {
    const token = `eyJ0eXAiOiJKV1QifQ.azure-${issued.length + 1}.sig`;
    issued.push(token);
    return token;
  }

  async function answer(request: IncomingMessage): Promise<Answer> {
    const url = new URL(request.url ?? "/", "http://localhost");
    const isForm = request.headers["content-type"] === "application/x-www-form-urlencoded";
    const form = new URLSearchParams(isForm ? (await bodyOf(request)).toString() : "");
    const fields = Object.fromEntries(request.method === "POST" ? form : url.searchParams);
    asked.push({ method: request.method ?? "", path: url.pathname, fields });
    const failure = failures.shift();
    if (failure !== undefined) return { status: failure, body: { error: "temporarily_unavailable" } };
    if (request.method === "POST") return signIn(url.pathname, fields);
    if (url.pathname === "/metadata/identity/oauth2/token") return machine(request, fields);
    if (url.pathname === "/msi/token") return app(request, fields);
    return { status: 404, body: { error: "not_found" } };
  }

  function signIn(path: string, fields: Asked["fields"]): Answer {
    const [, tenant, rest] = /^\/([^/]+)\/(oauth2\/v2\.0\/token)$/.exec(path) ?? [];
    if (rest === undefined) return { status: 404, body: {} };
    if (tenant !== azureClient.tenantId)
      return refusal(400, "invalid_request", `AADSTS90002: Tenant '${tenant}' not found.`);
    if (fields["grant_type"] !== "client_credentials")
      return refusal(
        400,
        "unsupported_grant_type",
        "AADSTS70003: The app requested an unsupported grant type.",
      );
    if (!fields["scope"]?.endsWith("/.default"))
      return refusal(400, "invalid_scope", "AADSTS1002012: The provided value for scope is not valid.");
    if (fields["client_id"] !== azureClient.clientId)
      return refusal(400, "unauthorized_client", "AADSTS700016: Application was not found in the directory.");
    const fault = fields["client_assertion"] === undefined ? secretFault(fields) : assertionFault(fields);
    if (fault !== undefined) return fault;
    const { lifetimeSeconds } = server;
    return {
      status: 200,
      body: {
        token_type: "Bearer",
        expires_in: lifetimeSeconds,
        ext_expires_in: lifetimeSeconds,
        access_token: issue(),
      },
    };
  }

  function machine(request: IncomingMessage, fields: Asked["fields"]): Answer {
    if (request.headers["metadata"] !== "true")
      return refusal(400, "invalid_request", "Required metadata header not specified");
    if (fields["api-version"] !== "2018-02-01")
      return refusal(400, "invalid_request", "Required query variable 'api-version' is missing");
    const fault = identityFault(fields);
    if (fault !== undefined) return fault;
    const seconds = Math.floor(wallClock() / 1000);
    return {
      status: 200,
      body: {
        access_token: issue(),
        client_id: fields["client_id"] ?? "system",
        expires_in: String(server.lifetimeSeconds),
        expires_on: String(seconds + server.lifetimeSeconds),
        ext_expires_in: "86399",
        not_before: String(seconds),
        resource: fields["resource"],
        token_type: "Bearer",
      },
    };
  }

  function app(request: IncomingMessage, fields: Asked["fields"]): Answer {
    if (request.headers["x-identity-header"] !== azureClient.identityHeader)
      return { status: 401, body: { statusCode: 401, message: "Unauthorized" } };
    if (fields["api-version"] !== "2019-08-01") return { status: 400, body: { statusCode: 400 } };
    const fault = identityFault(fields);
    if (fault !== undefined) return fault;
    const expiresOn = String(Math.floor(wallClock() / 1000) + server.lifetimeSeconds);
    return {
      status: 200,
      body: {
        access_token: issue(),
        expires_on: expiresOn,
        resource: fields["resource"],
        token_type: "Bearer",
        client_id: fields["client_id"] ?? "system",
      },
    };
  }

  const upstream = await startUpstream((request, response) => {
    answer(request).then(
      ({ status, body }) => send(response, status, body),
      () => response.destroy(),
    );
  });
  const server: AzureIdentity = {
    ...upstream,
    env: { AZURE_AUTHORITY_HOST: upstream.url, AZURE_POD_IDENTITY_AUTHORITY_HOST: `${upstream.url}/` },
    identityEndpoint: `${upstream.url}/msi/token`,
    issued,
    asked,
    lifetimeSeconds: 3599,
    fail(times, status) {
      for (let i = 0; i < times; i++) failures.push(status);
    },
  };
  return server;
}

function secretFault(fields: Asked["fields"]): Answer | undefined {
  if (fields["client_secret"] === azureClient.clientSecret) return undefined;
  // Entra ID does not do so; a message that repeats the secret must be survived all the same.
  return refusal(
    401,
    "invalid_client",
    `AADSTS7000215: Invalid client secret '${fields["client_secret"]}' provided.`,
  );
}

function assertionFault(fields: Asked["fields"]): Answer | undefined {
  const type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
  if (fields["client_assertion_type"] === type && fields["client_assertion"] === azureClient.assertion)
    return undefined;
  return refusal(401, "invalid_client", "AADSTS700213: No matching federated identity record found.");
}

function identityFault(fields: Asked["fields"]): Answer | undefined {
  if (!/^https:\/\/[^/]+$/.test(fields["resource"] ?? ""))
    return refusal(400, "invalid_resource", "AADSTS500011: The resource principal was not found.");
  const id = fields["client_id"];
  if (id === undefined || id === azureClient.userAssigned) return undefined;
  return refusal(400, "invalid_request", "Identity not found");
}

function refusal(status: number, error: string, description: string): Answer {
  return {
    status,
    body: { error, error_description: `${description}\r\nTrace ID: 0\r\nTimestamp: 2026-01-01 00:00:00Z` },
  };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8" });
  response.end(JSON.stringify(body));
}
