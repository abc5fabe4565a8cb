/** A vendor of embeddings in the shape of a transport, and configs for it. */
import type { EmbedderConfig, EmbedderServices } from "../../src/embedders/embedder.ts";
import { EmbeddingError } from "../../src/embedders/embedding-error.ts";
import { type HttpCall, HttpCallError, type HttpCallRequest } from "../../src/http/http-call.ts";
import { hashVector } from "./fake-embedder.ts";

export interface SentBody {
  readonly model: string;
  readonly input: readonly string[];
  readonly encoding_format?: string;
  readonly dimensions?: number;
  readonly [other: string]: unknown;
}

/** How the vendor behaves; by default like OpenAI. */
export interface Rules {
  /** What the model answers without being asked for a length. */
  readonly native?: number;
  /** Answers a refusal instead. */
  readonly refuse?: (body: SentBody, call: number) => { status: number; body: unknown } | undefined;
  readonly answersFloats?: boolean;
  /** Changes the answer's list. */
  readonly bend?: (data: { index: number; embedding: unknown }[]) => unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What an embedder may use of the world when `call` is all of it. */
export function servicesOf(call: HttpCall): EmbedderServices {
  return { call, wallClock: () => 1_700_000_000_000, env: {} };
}

/** A vendor in the shape of a transport. */
export function fakeVendor(rules: Rules = {}) {
  const requests: HttpCallRequest[] = [];
  const bodies: SentBody[] = [];
  const call: HttpCall = async (request) => {
    if (request.signal.aborted) throw new HttpCallError("aborted", "the caller left");
    const body = JSON.parse(request.body ?? "") as SentBody;
    requests.push(request);
    bodies.push(body);
    const refusal = rules.refuse?.(body, bodies.length);
    if (refusal !== undefined) {
      const text = typeof refusal.body === "string" ? refusal.body : JSON.stringify(refusal.body);
      return { status: refusal.status, headers: rules.headers ?? {}, body: text };
    }
    if (body.input.some((text) => text === ""))
      return { status: 400, headers: {}, body: '{"error":{"message":"empty"}}' };
    const data = body.input.map((text, index) => {
      const vector = hashVector(text, body.dimensions ?? rules.native ?? 1536);
      const isBase64 = body.encoding_format === "base64" && !rules.answersFloats;
      return {
        object: "embedding",
        index,
        embedding: isBase64 ? Buffer.from(vector.buffer).toString("base64") : [...vector],
      };
    });
    const usage = { prompt_tokens: 3 * body.input.length, total_tokens: 3 * body.input.length };
    const answer = { object: "list", model: body.model, data: rules.bend?.(data) ?? data, usage };
    return { status: 200, headers: {}, body: JSON.stringify(answer) };
  };
  return { ...servicesOf(call), requests, bodies };
}

/** A config for OpenAI itself. */
export const small = { model: { name: "text-embedding-3-small" }, dimensions: 64 } satisfies EmbedderConfig;
/** A config for another server, of unknown length. */
export const compatible = {
  model: { name: "bge-small", options: { upstream_url: "http://embed.local:8080/v1/embeddings?x=1" } },
} satisfies EmbedderConfig;
export const { signal } = new AbortController();

/** What the promise rejects with; an error of the test when it does not. */
export async function failure(promise: Promise<unknown>): Promise<EmbeddingError> {
  const error = await promise.catch((thrown: unknown) => thrown);
  if (error instanceof EmbeddingError) return error;
  throw new Error(`expected an EmbeddingError, got ${error}`);
}
