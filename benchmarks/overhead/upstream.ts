/**
 * The model vendor of the benchmark: the simulator's prepared answers (1 KB of JSON, or 50 chunks of content), written
 * straight to the socket at a few microseconds each, so that the fastest side does not wait for it.
 * Started as a process of its own with the port as argument.
 */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { prepareAnswers } from "../../src/simulator/fast.ts";
import { seededRandom } from "../../src/simulator/text/random.ts";

/** A prompt that holds this word is streamed with pauses. */
export const slowWord = "slowly";
/** Between two chunks of a slow stream. */
export const pauseMs = 5;

/** The head with the first event, then each further event, then the end: one write each. */
type Stream = readonly Buffer[];

interface Answers {
  readonly whole: Buffer;
  readonly stream: Stream;
  /** With the usage chunk that vendors send to those who ask for it. */
  readonly streamWithUsage: Stream;
}

export async function startUpstream(port: number): Promise<void> {
  const answers = chatAnswers();
  const server = createServer({ noDelay: true }, (socket) => attend(socket, answers));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
}

function chatAnswers(): Answers {
  const random = seededRandom(1);
  const surroundings = {
    seed: 1,
    apiKey: undefined,
    embed: undefined,
    now: () => 0,
    models: [],
    datedModels: false,
  };
  const sleep = () => Promise.resolve();
  const prepared = prepareAnswers({ surroundings, behaviour: undefined, random, sleep });
  const chat = prepared.find(({ endpoint }) => endpoint.serves("/v1/chat/completions"));
  if (chat === undefined) throw new Error("the simulator has no prepared chat answer");
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${chat.whole.length}\r\n\r\n`;
  const events = chat.eventBytes.map((bytes) => bytes.toString());
  const usage = usageEvent(events[0] ?? "");
  return {
    whole: Buffer.concat([Buffer.from(head), chat.whole]),
    stream: streamOf(events),
    streamWithUsage: streamOf([...events.slice(0, -1), usage, ...events.slice(-1)]),
  };
}

/** The chunk before `[DONE]` that `stream_options.include_usage` asks for: no choices, but the counts. */
function usageEvent(firstEvent: string): string {
  const chunk = JSON.parse(firstEvent.slice("data: ".length)) as Record<string, unknown>; // an event of the simulator's
  const usage = { prompt_tokens: 40, completion_tokens: 99, total_tokens: 139 };
  return `data: ${JSON.stringify({ ...chunk, choices: [], usage })}\n\n`;
}

function streamOf(events: readonly string[]): Stream {
  const head =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
  const [first, ...others] = events.map((event) => chunk(Buffer.from(event)));
  return [Buffer.concat([Buffer.from(head), first ?? Buffer.alloc(0)]), ...others, Buffer.from("0\r\n\r\n")];
}

function chunk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
}

/** Requests come one at a time on a connection: none of the measured sides pipelines. */
function attend(socket: Socket, answers: Answers): void {
  let request: Buffer | undefined;
  socket.on("data", (bytes) => {
    request = request === undefined ? bytes : Buffer.concat([request, bytes]);
    if (!isWhole(request)) return;
    const body = request;
    request = undefined;
    if (!body.includes('"stream":true')) {
      socket.write(answers.whole);
      return;
    }
    const stream = body.includes('"include_usage":true') ? answers.streamWithUsage : answers.stream;
    if (body.includes(slowWord)) streamSlowly(socket, stream);
    else for (const part of stream) socket.write(part);
  });
  // A side that resets its connection is that side's matter; the load generator sees what comes of it.
  socket.on("error", () => socket.destroy());
}

function isWhole(request: Buffer): boolean {
  const headEnd = request.indexOf("\r\n\r\n");
  if (headEnd === -1) return false;
  const head = request.toString("latin1", 0, headEnd);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) return request.length >= headEnd + 4 + Number(length);
  return /\r\ntransfer-encoding: *chunked/i.test(head) ? request.subarray(-5).equals(lastChunk) : true;
}

const lastChunk = Buffer.from("0\r\n\r\n");

function streamSlowly(socket: Socket, parts: readonly Buffer[]): void {
  let next = 0;
  const step = () => {
    const part = parts[next++];
    if (part === undefined || socket.destroyed) return;
    socket.write(part);
    // The end comes with the last event: a vendor does not pause before it.
    if (next === parts.length - 1) socket.write(parts[next++] ?? "");
    else setTimeout(step, pauseMs);
  };
  step();
}
