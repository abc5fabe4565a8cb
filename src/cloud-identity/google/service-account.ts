/** A service account's key file, and the assertion it signs to get a token (RFC 7523, JWT with RS256). */
import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import { isJsonObject, type JsonObject } from "../../llm/json.ts";

export interface ServiceAccount {
  readonly clientEmail: string;
  readonly privateKey: KeyObject;
  readonly privateKeyId: string | undefined;
  readonly tokenUri: URL;
}

/** The longest that Google accepts. */
const assertionSeconds = 3600;

/**
 * Throws an `Error` that names `setting` and what is wrong with its value, never any of its content.
 */
export function readServiceAccount(json: string, setting: string): ServiceAccount {
  const file = parse(json, setting);
  const { type } = file;
  if (type !== undefined && type !== "service_account")
    throw new Error(
      `${setting} is not of type "service_account": create a key for a service account, ` +
        "or leave it out to use the machine's own identity",
    );
  const id = file["private_key_id"];
  return {
    clientEmail: readText(file, "client_email", setting),
    privateKey: readKey(readText(file, "private_key", setting), setting),
    privateKeyId: typeof id === "string" ? id : undefined,
    tokenUri: readTokenUri(file, setting),
  };
}

function parse(json: string, setting: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // The parser's message quotes what it has read, which is the key.
    throw new Error(`${setting} is not JSON: give the whole content of the service account's key file`);
  }
  if (isJsonObject(value)) return value;
  throw new Error(
    `${setting} is not a JSON object: give the whole content of the service account's key file`,
  );
}

function readText(file: JsonObject, field: string, setting: string): string {
  const value = file[field];
  if (typeof value === "string" && value !== "") return value;
  throw new Error(`${setting} has no "${field}": give the whole content of the service account's key file`);
}

function readKey(pem: string, setting: string): KeyObject {
  let key: KeyObject;
  try {
    // Line ends are escaped twice when the file has been through a shell or a secret store.
    key = createPrivateKey(pem.replaceAll("\\n", "\n"));
  } catch {
    // OpenSSL's error may hold parts of the key.
    throw new Error(`"private_key" of ${setting} is not a private key in PEM`);
  }
  if (key.asymmetricKeyType === "rsa") return key;
  throw new Error(`"private_key" of ${setting} is not an RSA key`);
}

function readTokenUri(file: JsonObject, setting: string): URL {
  const text = file["token_uri"] ?? "https://oauth2.googleapis.com/token";
  const url = typeof text === "string" && URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:" || url?.protocol === "http:") return url;
  throw new Error(`"token_uri" of ${setting} is not an http(s) URL`);
}

/** A signed JWT that asks for `scope` and is good for an hour from `atMs`. */
export function signAssertion(account: ServiceAccount, scope: string, atMs: number): string {
  const { clientEmail, privateKey, privateKeyId, tokenUri } = account;
  const issuedAt = Math.floor(atMs / 1000);
  const header = { alg: "RS256", typ: "JWT", ...(privateKeyId && { kid: privateKeyId }) };
  const claims = {
    iss: clientEmail,
    scope,
    aud: tokenUri.href,
    iat: issuedAt,
    exp: issuedAt + assertionSeconds,
  };
  const signed = `${encode(header)}.${encode(claims)}`;
  return `${signed}.${sign("sha256", Buffer.from(signed), privateKey).toString("base64url")}`;
}

function encode(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}
