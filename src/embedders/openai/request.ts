/** What is sent to an OpenAI-compatible embeddings endpoint, and how it gives way to what a server cannot do. */
import type { EmbedderAuth } from "../embedder.ts";

/** What the server behind the URL has turned out to understand. */
export interface Dialect {
  readonly isBase64Asked: boolean;
  readonly areDimensionsAsked: boolean;
  /** A longer text is cut to this many bytes of UTF-8. */
  readonly maxTextBytes: number;
}

/**
 * The vendor's models take 8191 tokens. A byte-level BPE never makes more tokens than bytes, so that 8191 bytes fit
 * in any language; in English that is the first 1300 words or so, more than a routing decision gains from.
 */
export const vendorTextBytes = 8191;

/** No embedding model takes less; below it a complaint about length is about something else. */
const leastTextBytes = 128;

export function initialDialect(model: string, dimensions: number | undefined): Dialect {
  return {
    isBase64Asked: true,
    // ada-002 has one length and answers 400 to the parameter; also under names like "vendor/text-embedding-ada-002".
    areDimensionsAsked: dimensions !== undefined && !/ada-002/i.test(model),
    maxTextBytes: vendorTextBytes,
  };
}

/**
 * The dialect to try next after the server refused with this message, or undefined when giving way cannot help.
 * Servers that are compatible in part refuse `encoding_format`, `dimensions` (models of one length), or long texts
 * (models of 512 tokens); none of these is a reason to fail a prompt.
 */
export function giveWay(dialect: Dialect, status: number, message: string): Dialect | undefined {
  if (status !== 400 && status !== 413 && status !== 422) return undefined;
  if (dialect.isBase64Asked && /encoding_format|base64/i.test(message))
    return { ...dialect, isBase64Asked: false };
  if (dialect.areDimensionsAsked && /dimension|matryoshka/i.test(message)) {
    return { ...dialect, areDimensionsAsked: false };
  }
  const isTooLong =
    /context length|max\w*[ _](?:\w+[ _])?(?:tokens|length|input)|too (?:long|large|many tokens)|\d+ tokens/i;
  if (isTooLong.test(message) && dialect.maxTextBytes > leastTextBytes) {
    return { ...dialect, maxTextBytes: Math.max(leastTextBytes, Math.floor(dialect.maxTextBytes / 4)) };
  }
  return undefined;
}

/** What both allow: calls that learn at the same time do not undo each other's lesson. */
export function narrow(a: Dialect, b: Dialect): Dialect {
  return {
    isBase64Asked: a.isBase64Asked && b.isBase64Asked,
    areDimensionsAsked: a.areDimensionsAsked && b.areDimensionsAsked,
    maxTextBytes: Math.min(a.maxTextBytes, b.maxTextBytes),
  };
}

export interface BodyParts {
  readonly model: string;
  readonly dimensions: number | undefined;
  readonly auth: EmbedderAuth | undefined;
}

export function encodeBody(parts: BodyParts, dialect: Dialect, texts: readonly string[]): string {
  const { auth, model, dimensions } = parts;
  return JSON.stringify({
    model,
    input: texts,
    ...(dialect.isBase64Asked && { encoding_format: "base64" }),
    ...(dialect.areDimensionsAsked && { dimensions }),
    ...(auth?.param_name !== undefined &&
      auth.param_location === "body" && { [auth.param_name]: auth.param_value }),
  });
}

export function encodeHeaders(auth: EmbedderAuth | undefined): Readonly<Record<string, string>> {
  return {
    "content-type": "application/json",
    accept: "application/json",
    "accept-encoding": "identity",
    ...(auth?.header_name !== undefined && { [auth.header_name.toLowerCase()]: auth.header_value ?? "" }),
  };
}

/** The endpoint with the credential in its query, where it is configured there. */
export function encodeUrl(endpoint: URL, auth: EmbedderAuth | undefined): string {
  const url = new URL(endpoint);
  if (auth?.param_name !== undefined && auth.param_location === "query") {
    url.searchParams.set(auth.param_name, auth.param_value ?? "");
  }
  return url.href;
}

/** Every form of the credential that a vendor's message could repeat. */
export function secretsOf(auth: EmbedderAuth | undefined): readonly string[] {
  const values = [auth?.header_value, auth?.param_value].filter((value) => value !== undefined);
  return values.flatMap((value) => [value, value.replace(/^\w+\s+/, "")]).filter((value) => value !== "");
}

/** The longest beginning of at most `maxBytes` bytes of UTF-8 that ends between two characters. */
export function truncateUtf8(text: string, maxBytes: number): string {
  // No UTF-16 unit takes more than three bytes of UTF-8.
  if (text.length * 3 <= maxBytes) return text;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes));
  return text.slice(0, read);
}
