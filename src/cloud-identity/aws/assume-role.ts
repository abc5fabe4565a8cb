/** AssumeRole of the Security Token Service (query protocol, version 2011-06-15): credentials of a role for an hour. */
import { type HttpCallAnswer, HttpCallError } from "../../http/http-call.ts";
import { IdentityError, type IdentityServices } from "../token-source.ts";
import type { AwsCredentials, CredentialSource } from "./credentials.ts";
import { dnsSuffix } from "./regions.ts";
import { signRequest } from "./sigv4.ts";

export interface AssumeRoleOptions {
  readonly roleArn: string;
  /** Shows in the account's audit log. */
  readonly sessionName: string;
  readonly region: string;
  /** `aws_sts_endpoint_url`; absent: the region's own. */
  readonly endpointUrl: string | undefined;
}

const callTimeoutMs = 10_000;

const hints: Readonly<Record<string, string>> = {
  AccessDenied: "the role's trust policy and the caller's own policy must allow sts:AssumeRole",
  InvalidClientTokenId: "check the access key",
  SignatureDoesNotMatch: "check the secret access key and this machine's clock",
  ExpiredToken: "the credentials that assume the role have expired",
  RegionDisabledException: "activate STS in this region, or set aws_sts_endpoint_url",
};

/**
 * A loader of the role's credentials, for `keep`; `own` are those that may assume it. Throws an `Error`
 * that names the setting when the endpoint is no URL; the loader rejects with an `IdentityError`.
 */
export function roleCredentials(
  options: AssumeRoleOptions,
  own: CredentialSource,
  services: IdentityServices,
): () => Promise<AwsCredentials> {
  const endpoint = readEndpoint(options);
  const region = signingRegion(endpoint, options.region);
  const body = new URLSearchParams({
    Action: "AssumeRole",
    Version: "2011-06-15",
    RoleArn: options.roleArn,
    RoleSessionName: options.sessionName,
  }).toString();
  const unsigned = {
    method: "POST" as const,
    url: endpoint.href,
    headers: {
      "content-type": "application/x-www-form-urlencoded; charset=utf-8",
      "accept-encoding": "identity",
    },
    body,
  };
  const place = `AWS STS at ${endpoint.host}`;
  // The load outlives its callers, so that nobody's leaving cancels it.
  const { signal } = new AbortController();

  async function ask(keys: AwsCredentials): Promise<HttpCallAnswer> {
    const scope = { region, service: "sts", atMs: services.wallClock() };
    const headers = await signRequest(unsigned, keys, scope);
    try {
      return await services.call({ ...unsigned, headers, signal, timeoutMs: callTimeoutMs });
    } catch (error) {
      const reason = error instanceof HttpCallError ? error.message : "the call failed";
      throw new IdentityError(`${place} could not be asked to assume ${options.roleArn}: ${reason}`, {
        cause: error,
        isRetryable: true,
      });
    }
  }

  return async () => {
    const keys = await own.get(signal);
    const answer = await ask(keys);
    if (answer.status === 200) return readCredentials(answer.body, place);
    const { code, message } = readError(answer, keys);
    const isRenewed = /^ExpiredToken/.test(code) && own.renew();
    const hint = hints[code] === undefined ? "" : ` (${hints[code]})`;
    throw new IdentityError(`${place} did not assume ${options.roleArn}: ${code}: ${message}${hint}`, {
      isRetryable:
        isRenewed || answer.status === 429 || answer.status >= 500 || code.startsWith("Throttling"),
    });
  };
}

function readEndpoint({ endpointUrl, region }: AssumeRoleOptions): URL {
  const text = endpointUrl ?? `https://sts.${region}.${dnsSuffix(region)}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:" || url?.protocol === "http:") return url;
  throw new Error("aws_sts_endpoint_url is not an http(s) URL, e.g. https://sts.eu-west-1.amazonaws.com");
}

/** A regional endpoint takes signatures for its region only; the global one is in us-east-1. */
function signingRegion({ hostname }: URL, configured: string): string {
  if (hostname === "sts.amazonaws.com") return "us-east-1";
  return /(?:^|\.)sts(?:-fips)?\.([a-z0-9-]+)\.(?:vpce\.)?amazonaws\.com/.exec(hostname)?.[1] ?? configured;
}

function readCredentials(xml: string, place: string): AwsCredentials {
  const accessKeyId = element(xml, "AccessKeyId");
  const secretAccessKey = element(xml, "SecretAccessKey");
  const sessionToken = element(xml, "SessionToken");
  const expiresAtMs = Date.parse(element(xml, "Expiration") ?? "");
  if (accessKeyId && secretAccessKey && sessionToken && !Number.isNaN(expiresAtMs))
    return { accessKeyId, secretAccessKey, sessionToken, expiresAtMs };
  throw new IdentityError(`${place} answered 200, but without credentials; is aws_sts_endpoint_url right?`);
}

/** Some services repeat what was signed, so that whatever proves who we are is taken out. */
function readError(
  { body, status }: HttpCallAnswer,
  keys: AwsCredentials,
): { code: string; message: string } {
  const secrets = [keys.secretAccessKey, keys.sessionToken ?? "", keys.accessKeyId].filter(
    (secret) => secret !== "",
  );
  const text = element(body, "Message") ?? "no message";
  const clean = secrets.reduce((message, secret) => message.replaceAll(secret, "[redacted]"), text);
  return {
    code: element(body, "Code") ?? `status ${status}`,
    message: clean.replace(/\s+/g, " ").trim().slice(0, 300),
  };
}

/** The text of the first element of that name. STS writes no attributes, comments or CDATA in these. */
function element(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text?.replace(/&(lt|gt|quot|apos|amp|#(\d+)|#x([\da-fA-F]+));/g, decodeEntity);
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function decodeEntity(whole: string, name: string, decimal?: string, hex?: string): string {
  const code =
    decimal !== undefined ? Number(decimal) : hex !== undefined ? Number.parseInt(hex, 16) : undefined;
  if (code === undefined) return entities[name] ?? whole;
  return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
}
