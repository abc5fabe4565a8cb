import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../../test/support/free-port.ts";
import {
  type AzureIdentity,
  azureClient,
  startAzureIdentity,
} from "../../test/support/vendors/azure-identity.ts";
import { createHttpCaller } from "../http/http-caller.ts";
import { type AzureTokenOptions, azureToken } from "./azure.ts";
import { IdentityError } from "./token-source.ts";

const scope = "https://cognitiveservices.azure.com/.default";
const { signal } = new AbortController();
const caller = createHttpCaller();
let cloud: AzureIdentity;
let folder: string;
let nowMs = 1_800_000_000_000;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-azure-"));
});
afterAll(async () => {
  await caller.close();
  await cloud.close();
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  await cloud?.close();
  cloud = await startAzureIdentity(() => nowMs);
});

const { tenantId, clientId, clientSecret } = azureClient;
const secretClient = { tenantId, clientId, clientSecret };

function source(options: Omit<AzureTokenOptions, "scope">, env: Record<string, string> = {}) {
  const services = { call: caller.call, wallClock: () => nowMs, env: { ...cloud.env, ...env } };
  const kept = azureToken({ scope, ...options }, services);
  return async (asking: AbortSignal) => (await kept.get(asking)).token;
}

async function refusal(promise: Promise<unknown>): Promise<IdentityError> {
  const error = await promise.catch((thrown: unknown) => thrown);
  if (error instanceof IdentityError) return error;
  throw new Error(`expected an IdentityError, got ${error}`);
}

describe("signing in to Azure with a client secret", () => {
  it("uses the client credentials flow and keeps the token for as long as it is good", async () => {
    const token = source(secretClient);
    expect(await token(signal)).toBe(cloud.issued[0]);
    expect(await token(signal)).toBe(cloud.issued[0]);
    expect(cloud.asked).toEqual([
      {
        method: "POST",
        path: `/${tenantId}/oauth2/v2.0/token`,
        fields: {
          grant_type: "client_credentials",
          client_id: clientId,
          client_secret: clientSecret,
          scope,
        },
      },
    ]);
    nowMs += 3_599_000 - 59_000;
    expect(await token(signal)).toBe(cloud.issued[1]);
  });

  it("takes the client of the environment, unless the config names another one", async () => {
    const env = { AZURE_TENANT_ID: tenantId, AZURE_CLIENT_ID: clientId, AZURE_CLIENT_SECRET: clientSecret };
    expect(await source({}, env)(signal)).toBe(cloud.issued[0]);
    await source({ clientId: azureClient.userAssigned }, env)(signal);
    expect(cloud.asked.map(({ path }) => path)).toEqual([
      `/${tenantId}/oauth2/v2.0/token`,
      "/metadata/identity/oauth2/token",
    ]);
  });

  it("says what is missing beside a secret", () => {
    expect(() => source({ clientSecret })).toThrow("azure_tenant_id and azure_client_id");
    expect(() => source({ clientSecret, clientId })).toThrow("azure_tenant_id beside");
    expect(() => source(secretClient, { AZURE_AUTHORITY_HOST: "login.microsoftonline.us" })).toThrow(
      "AZURE_AUTHORITY_HOST",
    );
  });

  it("says what Azure said, once, without the secret", async () => {
    const wrong = "wr0ng~secret";
    const error = await refusal(source({ ...secretClient, clientSecret: wrong })(signal));
    expect(error.message).toContain("AADSTS7000215");
    expect(error.message).toContain("azure_client_secret");
    expect(error.message).not.toContain(wrong);
    expect(error.message).not.toContain("Trace ID");
    expect(error.isRetryable).toBe(false);
  });

  it("can be tried again after a 5xx, a 429, and when nobody answers", async () => {
    const token = source(secretClient);
    for (const status of [500, 503, 429]) {
      cloud.fail(1, status);
      const error = await refusal(token(signal));
      expect(error.isRetryable).toBe(true);
      expect(error.message).toContain(String(status));
    }
    expect(await token(signal)).toBe(cloud.issued[0]);
    const nobody = { AZURE_AUTHORITY_HOST: `http://127.0.0.1:${await freePort()}` };
    const error = await refusal(source(secretClient, nobody)(signal));
    expect(error.isRetryable).toBe(true);
    expect(error.message).toContain("ECONNREFUSED");
    expect(error.message).not.toContain(clientSecret);
  });
});

describe("signing in to Azure without a secret", () => {
  it("asks the machine's metadata service, for a user-assigned identity by its client", async () => {
    expect(await source({})(signal)).toBe(cloud.issued[0]);
    expect(await source({ clientId: azureClient.userAssigned })(signal)).toBe(cloud.issued[1]);
    const fields = { "api-version": "2018-02-01", resource: "https://cognitiveservices.azure.com" };
    expect(cloud.asked.map((asked) => asked.fields)).toEqual([
      fields,
      { ...fields, client_id: azureClient.userAssigned },
    ]);
    const error = await refusal(source({ clientId: "unknown" })(signal));
    expect(error.message).toMatch(/Identity not found.*azure_client_id/);
    expect(error.isRetryable).toBe(false);
  });

  it("tries again later while the metadata service is being updated", async () => {
    for (const status of [404, 410, 429, 500]) {
      cloud.fail(1, status);
      expect((await refusal(source({})(signal))).isRetryable).toBe(true);
    }
  });

  it("asks App Service's endpoint where there is one, which says when a token ends, not how long it lasts", async () => {
    const env = { IDENTITY_ENDPOINT: cloud.identityEndpoint, IDENTITY_HEADER: azureClient.identityHeader };
    const token = source({ clientId: azureClient.userAssigned }, env);
    expect(await token(signal)).toBe(cloud.issued[0]);
    expect(cloud.asked[0]).toMatchObject({
      path: "/msi/token",
      fields: { "api-version": "2019-08-01", client_id: azureClient.userAssigned },
    });
    nowMs += 3_500_000;
    expect(await token(signal)).toBe(cloud.issued[0]);
    nowMs += 60_000;
    expect(await token(signal)).toBe(cloud.issued.at(-1));
    expect(cloud.issued.length).toBeGreaterThan(1);
    expect(() => source({}, { IDENTITY_ENDPOINT: cloud.identityEndpoint })).toThrow("IDENTITY_HEADER");
  });

  it("exchanges a workload's federated token, read anew each time", async () => {
    const file = join(folder, "token");
    const env = { AZURE_FEDERATED_TOKEN_FILE: file, AZURE_TENANT_ID: tenantId, AZURE_CLIENT_ID: clientId };
    const token = source({}, env);
    expect((await refusal(token(signal))).message).toContain("AZURE_FEDERATED_TOKEN_FILE");
    await writeFile(file, "outdated\n");
    const error = await refusal(token(signal));
    expect(error.message).toMatch(/AADSTS700213.*federated credential/);
    await writeFile(file, `${azureClient.assertion}\n`);
    expect(await token(signal)).toBe(cloud.issued[0]);
    expect(() => source({}, { AZURE_FEDERATED_TOKEN_FILE: file })).toThrow("AZURE_TENANT_ID");
  });

  it("does not take an answer without a token, without an end, or with a token that no header can hold", async () => {
    const bodies = [
      "<html>",
      "[]",
      '{"access_token":"a"}',
      '{"expires_in":1}',
      '{"access_token":"a\\nb","expires_in":3600}',
      '{"access_token":"a","expires_on":"06/01/2026 10:00:00"}',
    ];
    for (const body of bodies) {
      const services = {
        call: async () => ({ status: 200, headers: {}, body }),
        wallClock: () => nowMs,
        env: {},
      };
      const error = await refusal(azureToken({ scope }, services).get(signal));
      expect(error.message, body).toContain("without a usable token");
    }
  });
});
