/** A request to the admin API, read. */

import { isBlock } from "../control/complete.ts";
import { Refusal } from "../control/refusal.ts";
import { readBody } from "../http/body.ts";
import type { Exchange } from "../http/exchange.ts";
import { maxDepth, parseForm, tooDeep } from "./form.ts";
import { withoutWorkspace } from "./workspaces.ts";

/** Bytes of a body; more than any gateway's whole configuration takes. */
export const maxAdminBody = 16 * 1024 * 1024;

export interface AdminRequest {
  readonly method: string;
  /** Path segments, decoded, without the workspace. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly exchange: Exchange;
}

/** Throws a `Refusal` where the path cannot be decoded. */
export function adminRequest(exchange: Exchange): AdminRequest {
  const { method, path, query } = exchange.request;
  return {
    method: method === "HEAD" ? "GET" : method,
    path: withoutWorkspace(
      path
        .split("/")
        .filter((each) => each !== "")
        .map(decoded),
    ),
    query: new URLSearchParams(query),
    exchange,
  };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new Refusal("not_found", `the path holds "${segment}", which is no percent-encoding`);
  }
}

/** A header of the request, as one text. */
export function headerOf({ exchange }: AdminRequest, name: string): string | undefined {
  const value = exchange.request.headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

/** The body's media type, in lower case and without parameters; "" where none is given. */
export function mediaTypeOf(request: AdminRequest): string {
  const [type = ""] = (headerOf(request, "content-type") ?? "").split(";");
  return type.trim().toLowerCase();
}

/** The body's bytes. Rejects with a `GatewayError` when it is too large or the client leaves. */
export function bytesOf({ exchange: { request } }: AdminRequest): Promise<Buffer> {
  const declared = request.headers["content-length"];
  return readBody(request.body, maxAdminBody, typeof declared === "string" ? declared : undefined);
}

/** Fields that were sent, and whether their values are texts that stand for others, as those of forms are. */
export interface SentFields {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly areTexts: boolean;
}

/** JSON, or a form as `curl -d` and `curl -F` send it. Rejects with a `Refusal` that says what would do. */
export async function fieldsOf(request: AdminRequest): Promise<SentFields> {
  const encoding = headerOf(request, "content-encoding");
  if (encoding !== undefined && encoding !== "identity")
    throw badBody(`content-encoding ${encoding} is not understood: send the body as it is`);
  const bytes = await bytesOf(request);
  const type = mediaTypeOf(request);
  if (type === "application/x-www-form-urlencoded" || type === "multipart/form-data") {
    const isJson = type.endsWith("urlencoded") && /^\s*\{/.test(bytes.subarray(0, 64).toString("utf8"));
    if (!isJson)
      return { fields: await parseForm(bytes, headerOf(request, "content-type") ?? type), areTexts: true };
  } else if (type !== "" && type !== "application/json" && !type.endsWith("+json")) {
    throw badBody(`content-type ${type} is not understood: send application/json`);
  }
  if (bytes.length === 0) return { fields: {}, areTexts: false };
  return { fields: parseObject(decodedText(bytes)), areTexts: false };
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** A body as text. Throws a `Refusal` where it is not in UTF-8: read all the same, it would hold what nobody sent. */
export function decodedText(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    // All that the error says is that it is none.
    throw badBody("the body is not in UTF-8: send it in that encoding");
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which may hold a secret.
    throw badBody("Cannot parse JSON body");
  }
  if (!isBlock(value)) throw badBody("the body is not an object: send {…}");
  if (isDeeper(value, maxDepth)) throw badBody(tooDeep);
  return value;
}

/** Level by level, since what is looked for is too deep to be called into. */
function isDeeper(value: unknown, depth: number): boolean {
  let level: readonly unknown[] = [value];
  for (let reached = 0; reached <= depth && level.length > 0; reached++)
    level = level.flatMap((each) => (typeof each === "object" && each !== null ? Object.values(each) : []));
  return level.length > 0;
}

function badBody(message: string): Refusal {
  return new Refusal("schema_violation", message, { "@entity": [message] });
}
