/** One request on its way through the simulator: record, decide how to behave, answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { isJsonObject, type JsonObject } from "../llm/json.ts";
import {
  type Behaviour,
  behaviourFromHeaders,
  drawFaults,
  mergeBehaviours,
  parseBehaviour,
} from "./behaviour.ts";
import { bodyLimitBytes, parseBody, readBody } from "./body.ts";
import { control, isControlPath } from "./control.ts";
import { createWait, type Delivery, deliverStream, deliverWhole, untilAborted } from "./deliver.ts";
import { type Answer, type Endpoint, type Surroundings, VendorError } from "./endpoint.ts";
import { endpoints } from "./endpoints/index.ts";
import { flush, sendHalfHeader, simulatedError } from "./faults.ts";
import type { Journal, JournalEntry, ReceivedRequest } from "./journal.ts";
import type { SentAnswer } from "./options.ts";
import type { BehaviourRules } from "./rules.ts";
import { hashText, type Random, randomId, seededRandom } from "./text/random.ts";

export interface ServeParts {
  readonly surroundings: Surroundings;
  readonly journal: Journal;
  readonly rules: BehaviourRules;
  readonly behaviour: Behaviour | undefined;
  readonly script: ((request: ReceivedRequest) => Behaviour | undefined) | undefined;
  readonly random: Random;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Aborted when the simulator closes. */
  readonly closing: AbortSignal;
  readonly onAnswer: ((answer: SentAnswer) => void) | undefined;
}

/** Resolves when the answer is handed to the connection, or will never be. Rejects only for a fault of ours. */
export async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  parts: ServeParts,
): Promise<void> {
  const { path, query } = splitUrl(request.url ?? "/");
  if (isControlPath(path)) return serveControl(request, response, path, parts);
  const entry = parts.journal.open({
    method: request.method ?? "GET",
    path,
    query,
    headers: request.headers,
    receivedAtMs: parts.surroundings.now(),
  });
  const visit = startVisit(request, response, entry, parts);
  try {
    await answer(visit, parts);
  } catch (error) {
    // Whoever is gone needs no answer; that the client left is in the journal.
    if (!visit.signal.aborted) throw error;
  }
}

interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly entry: JournalEntry;
  readonly endpoint: Endpoint;
  readonly signal: AbortSignal;
  /** Closes the connection once what was written is on its way. */
  readonly breakOff: () => Promise<void>;
  /** Ends the connection with a RST. */
  readonly reset: () => void;
  readonly requestId: string;
  readonly random: Random;
}

function startVisit(
  request: IncomingMessage,
  response: ServerResponse,
  entry: JournalEntry,
  parts: ServeParts,
): Visit {
  const gone = new AbortController();
  let isOurDoing = false;
  response.once("close", () => {
    if (response.writableFinished) return;
    entry.aborted = !isOurDoing && !parts.closing.aborted;
    gone.abort(new Error("the connection is closed"));
  });
  const { socket } = request;
  const breakOff = async () => {
    isOurDoing = true;
    await flush(socket);
    socket.destroy();
  };
  const reset = () => {
    isOurDoing = true;
    socket.resetAndDestroy();
  };
  const random = seededRandom(hashText(parts.surroundings.seed, entry.number));
  const requestId = `req_${randomId(random, 24)}`;
  // The first of the list also words the errors of paths that nobody serves.
  const endpoint = endpointFor(entry.path) ?? endpoints[0];
  if (endpoint === undefined) throw new Error("the list of endpoints is empty");
  return { request, response, entry, endpoint, signal: gone.signal, breakOff, reset, requestId, random };
}

function endpointFor(path: string): Endpoint | undefined {
  return endpoints.find((endpoint) => endpoint.serves(path));
}

async function answer(visit: Visit, parts: ServeParts): Promise<void> {
  const bytes = await readBody(visit.request);
  parts.journal.keepBody(visit.entry, bytes === undefined ? undefined : parseBody(bytes), bytes?.length ?? 0);
  let behaviour: Behaviour = {};
  try {
    behaviour = chooseBehaviour(visit, parts);
    if (bytes === undefined)
      throw new VendorError(413, `Request body too large: the limit is ${bodyLimitBytes} bytes.`);
    await behave(visit, behaviour, parts);
  } catch (error) {
    if (!(error instanceof VendorError)) throw error;
    await refuse(visit, error, behaviour, parts);
  }
}

function chooseBehaviour({ entry, endpoint }: Visit, parts: ServeParts): Behaviour {
  const model = endpoint.model(entry.path, entry.body);
  const scripted = parseBehaviour(parts.script?.(entry) ?? {});
  const ruled = parts.rules.take({ model, path: entry.path });
  const merged = mergeBehaviours(parts.behaviour, scripted, ruled, headerBehaviour(entry));
  return drawFaults(merged, parts.random);
}

function headerBehaviour(entry: JournalEntry): Behaviour {
  try {
    return behaviourFromHeaders(entry.headers);
  } catch (error) {
    throw error instanceof TypeError ? new VendorError(400, error.message) : error;
  }
}

async function behave(visit: Visit, behaviour: Behaviour, parts: ServeParts): Promise<void> {
  const delivery = makeDelivery(visit, behaviour, parts);
  if (behaviour.latencyMs !== undefined) await delivery.wait(behaviour.latencyMs);
  if (behaviour.resetBeforeHeaders === true) return visit.reset();
  if (behaviour.halfHeader === true) await sendHalfHeader(visit.request.socket);
  if (behaviour.hang === true) return untilAborted(visit.signal);
  if (behaviour.halfHeader === true) return visit.breakOff();
  if (behaviour.status !== undefined) throw simulatedError(behaviour.status);
  await deliver(visit, delivery, parts);
}

async function deliver(visit: Visit, delivery: Delivery, parts: ServeParts): Promise<void> {
  const { entry, endpoint, random } = visit;
  const { behaviour } = delivery;
  const headers = { [endpoint.requestIdHeader]: visit.requestId };
  const body = requestBody(entry);
  const made = endpoint.answer({
    path: entry.path,
    headers: entry.headers,
    body,
    behaviour,
    surroundings: parts.surroundings,
    random,
  });
  entry.status = 200;
  const sent: Buffer[] = [];
  const tapped =
    parts.onAnswer === undefined
      ? delivery
      : { ...delivery, onSent: (piece: Buffer) => void sent.push(piece) };
  try {
    await send(made, visit, headers, tapped);
  } finally {
    parts.onAnswer?.({ request: entry, text: Buffer.concat(sent).toString("utf8") });
  }
}

async function send(
  made: Answer,
  { endpoint }: Visit,
  headers: Record<string, string>,
  delivery: Delivery,
): Promise<void> {
  const { behaviour } = delivery;
  if (made.kind === "stream") {
    const errorEvent = endpoint.errorEvent(simulatedError(500));
    return deliverStream(headers, made.events, errorEvent, delivery);
  }
  if (behaviour.perTokenMs !== undefined) await delivery.wait(made.tokens * behaviour.perTokenMs);
  return deliverWhole(200, headers, JSON.stringify(made.body), delivery);
}

/** The parsed body; throws what a vendor says to a wrong path, method or JSON. */
function requestBody({ method, path, body }: JournalEntry): JsonObject {
  const endpoint = endpointFor(path);
  if (endpoint === undefined)
    throw new VendorError(404, `Invalid URL (${method} ${path})`, { type: "invalid_request_error" });
  if (endpoint.method !== method) {
    throw new VendorError(
      405,
      `Not allowed to ${method} on ${path}. (HINT: Perhaps you meant to use ${endpoint.method}?)`,
      { type: "invalid_request_error" },
    );
  }
  return method === "GET" ? {} : asObject(body);
}

function asObject(body: unknown): JsonObject {
  if (isJsonObject(body)) return body;
  throw new VendorError(
    400,
    "We could not parse the JSON body of your request: the API expects a JSON object.",
    {
      type: "invalid_request_error",
    },
  );
}

async function refuse(
  visit: Visit,
  error: VendorError,
  behaviour: Behaviour,
  parts: ServeParts,
): Promise<void> {
  const { endpoint, requestId, entry } = visit;
  const isBusy = [429, 503, 529].includes(error.status);
  const retryAfter = behaviour.retryAfterSeconds ?? (isBusy ? 1 : undefined);
  const headers = {
    [endpoint.requestIdHeader]: requestId,
    ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }),
  };
  entry.status = error.status;
  const body = JSON.stringify(endpoint.errorBody(error, requestId));
  await deliverWhole(error.status, headers, body, makeDelivery(visit, behaviour, parts));
}

function makeDelivery(
  { response, signal, breakOff }: Visit,
  behaviour: Behaviour,
  parts: ServeParts,
): Delivery {
  const wait = createWait({ jitter: behaviour.jitter, random: parts.random, sleep: parts.sleep, signal });
  return { response, behaviour, signal, breakOff, wait };
}

async function serveControl(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  parts: ServeParts,
): Promise<void> {
  const bytes = await readBody(request);
  const reply = control(
    request.method ?? "GET",
    path,
    bytes === undefined ? undefined : parseBody(bytes),
    parts,
  );
  const body = reply.body === undefined ? "" : JSON.stringify(reply.body);
  response.writeHead(
    reply.status,
    body === "" ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
  );
  response.end(body);
}

function splitUrl(url: string): { path: string; query: string } {
  const mark = url.indexOf("?");
  return mark < 0 ? { path: url, query: "" } : { path: url.slice(0, mark), query: url.slice(mark + 1) };
}
