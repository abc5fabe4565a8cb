/** The request as it goes on: without the key, and with who calls. */
import type { Consumer } from "../../consumers/consumer.ts";
import type { ClientRequest } from "../../http/exchange.ts";
import type { BodyFormat } from "./body-fields.ts";
import { withoutPairs } from "./pairs.ts";

/** Whatever a client says of this itself is no better than a guess. Underscores: to CGI and its heirs they are the same. */
const identityHeader = /^x[-_](?:(?:consumer|credential)[-_].*|anonymous[-_]consumer)$/;

/** The request without headers about who calls. */
export function withoutIdentity(request: ClientRequest): ClientRequest {
  return { ...request, headers: anonymousHeaders(request) };
}

/** The request with Kong's headers about who calls. No credential: the consumer is the anonymous one. */
export function withIdentity(
  request: ClientRequest,
  consumer: Consumer,
  credential: { readonly id: string } | undefined,
): ClientRequest {
  const headers = anonymousHeaders(request);
  headers["x-consumer-id"] = consumer.id;
  if (consumer.customId !== undefined) headers["x-consumer-custom-id"] = inHeader(consumer.customId);
  if (consumer.username !== undefined) headers["x-consumer-username"] = inHeader(consumer.username);
  if (credential === undefined) headers["x-anonymous-consumer"] = "true";
  else headers["x-credential-identifier"] = credential.id;
  return { ...request, headers };
}

/** UTF-8, byte by byte, which is how header values are written. */
function inHeader(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

export interface HiddenParts {
  /** In lower case. */
  readonly headers: readonly string[];
  /** Of the URL, and fields of the body. */
  readonly parameters: ReadonlySet<string>;
  /** How to look into the body, where it was looked into. */
  readonly format: BodyFormat | undefined;
}

/** The request without the credentials. What held none stays byte by byte. */
export function withoutCredentials(request: ClientRequest, hidden: HiddenParts): ClientRequest {
  const headers = headersWithout(request, (name) => hidden.headers.includes(name));
  const clean = { ...request, headers, query: withoutPairs(request.query, hidden.parameters) };
  if (hidden.format === undefined || request.bytes === undefined) return clean;
  const bytes = hidden.format(request.bytes).without(hidden.parameters);
  if (headers["content-length"] !== undefined) headers["content-length"] = String(bytes.length);
  return { ...clean, bytes };
}

function anonymousHeaders(request: ClientRequest): Record<string, string | string[] | undefined> {
  const headers = headersWithout(request, (name) => identityHeader.test(name));
  const { connection } = headers;
  // What `Connection` names is not sent on (RFC 9110, section 7.6.1): a client could strike our headers out by it.
  if (typeof connection === "string" && /x[-_]/i.test(connection))
    headers["connection"] = withoutNames(connection);
  return headers;
}

function withoutNames(connection: string): string {
  const names = connection.split(",").map((name) => name.trim());
  return names.filter((name) => !identityHeader.test(name.toLowerCase())).join(", ");
}

function headersWithout(
  { headers }: ClientRequest,
  isDropped: (name: string) => boolean,
): Record<string, string | string[] | undefined> {
  const kept: Record<string, string | string[] | undefined> = {};
  for (const name in headers) if (!isDropped(name)) kept[name] = headers[name];
  return kept;
}
