/** Prepared answers for benchmarks: read the body, look for the stream switch, write bytes that are already there. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { JsonObject } from "../llm/json.ts";
import type { Behaviour } from "./behaviour.ts";
import { createWait, deliverStream } from "./deliver.ts";
import type { Answer, Endpoint, StreamEvent, Surroundings } from "./endpoint.ts";
import { endpoints } from "./endpoints/index.ts";
import { seededRandom } from "./text/random.ts";

/** Takes a request and answers it, or returns false where it has no prepared answer. */
type FastPath = (request: IncomingMessage, response: ServerResponse) => boolean;

interface FastParts {
  readonly surroundings: Surroundings;
  readonly behaviour: Behaviour | undefined;
  readonly random: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

const wholeBytes = 1024;
/** Streams group tokens by 1, 2 and 3, so that 99 tokens are 50 chunks of content. */
const streamTokens = 99;
/** Leaves room for the frame of the answer in 1 KB. */
const wholeTokens = 60;

/** What an endpoint answers in the fast mode. */
export interface Prepared {
  readonly endpoint: Endpoint;
  readonly whole: Buffer;
  readonly events: readonly StreamEvent[];
  readonly eventBytes: readonly Buffer[];
}

/** The prepared answers of every endpoint that offers them. */
export function prepareAnswers(parts: FastParts): Prepared[] {
  return endpoints.flatMap((endpoint) => prepare(endpoint, parts));
}

/** Whether answers are to wait before or between tokens. */
export function isPaced({ behaviour }: FastParts): boolean {
  return behaviour?.latencyMs !== undefined || behaviour?.perTokenMs !== undefined;
}

export function createFastPath(prepared: readonly Prepared[], parts: FastParts): FastPath {
  const answer = isPaced(parts) ? answerPaced : answerAtOnce;
  return (request, response) => {
    const found = prepared.find(({ endpoint }) => endpoint.serves(request.url ?? ""));
    if (found === undefined || request.method !== found.endpoint.method) return false;
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => answer(found, wantsStream(Buffer.concat(chunks)), response, parts));
    return true;
  };
}

function prepare(endpoint: Endpoint, { surroundings }: FastParts): Prepared[] {
  const { sample } = endpoint;
  if (sample === undefined) return [];
  const ask = (extra: JsonObject, outputTokens: number): Answer =>
    endpoint.answer({
      path: "",
      headers: sample.headers,
      body: { ...sample.body, ...extra },
      behaviour: { outputTokens },
      surroundings: { ...surroundings, apiKey: undefined },
      random: seededRandom(surroundings.seed),
    });
  const whole = ask({}, wholeTokens);
  const stream = ask({ stream: true }, streamTokens);
  if (whole.kind !== "whole" || stream.kind !== "stream")
    throw new Error(`endpoint ${endpoint.name} does not stream`);
  const events = [...stream.events];
  const eventBytes = events.map((event) => Buffer.from(event.text));
  return [{ endpoint, whole: padded(JSON.stringify(whole.body)), events, eventBytes }];
}

/** Spaces after JSON are still JSON, and the size is the same for every vendor. */
function padded(json: string): Buffer {
  const bytes = Buffer.from(json);
  return Buffer.concat([bytes, Buffer.alloc(Math.max(0, wholeBytes - bytes.length), " ")]);
}

/**
 * Whether a chat body asks for a stream, without parsing it. Inside of strings the quotes would be escaped, so that a
 * prompt cannot be mistaken for the switch.
 */
export function wantsStream(body: Buffer): boolean {
  return body.includes('"stream":true') || body.includes('"stream": true');
}

function answerAtOnce(prepared: Prepared, isStream: boolean, response: ServerResponse): void {
  if (!isStream) {
    sendWhole(prepared, response);
    return;
  }
  response.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
  });
  for (const bytes of prepared.eventBytes) response.write(bytes);
  response.end();
}

function sendWhole({ whole }: Prepared, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/json", "content-length": whole.length });
  response.end(whole);
}

function answerPaced(
  prepared: Prepared,
  isStream: boolean,
  response: ServerResponse,
  parts: FastParts,
): void {
  const gone = new AbortController();
  response.once("close", () => gone.abort(new Error("the connection is closed")));
  const { signal } = gone;
  const { latencyMs = 0, perTokenMs = 0, jitter } = parts.behaviour ?? {};
  const wait = createWait({ jitter, random: parts.random, sleep: parts.sleep, signal });
  const breakOff = async () => {
    response.destroy();
  };
  const run = async () => {
    await wait(latencyMs);
    if (isStream)
      return deliverStream({}, prepared.events, "", {
        response,
        behaviour: { perTokenMs },
        signal,
        wait,
        breakOff,
      });
    await wait(perTokenMs * wholeTokens);
    sendWhole(prepared, response);
  };
  run().catch((error: unknown) => {
    // Only a client that left ends a run early; anything else must not go unseen.
    if (!signal.aborted) response.destroy(error instanceof Error ? error : new Error(String(error)));
  });
}
