/** A model vendor to develop, test and measure against: speaks the chat, message and embedding APIs, calls nobody. */
import { once } from "node:events";
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Server, Socket } from "node:net";
import { setTimeout as timer } from "node:timers/promises";
import { parseBehaviour } from "./behaviour.ts";
import type { Surroundings } from "./endpoint.ts";
import { createFastPath, isPaced, prepareAnswers } from "./fast.ts";
import { createFastServer } from "./fast-server.ts";
import { createJournal, type ReceivedRequest } from "./journal.ts";
import { defaultModels, type SimulatorOptions } from "./options.ts";
import { type BehaviourRule, createRules, parseRule } from "./rules.ts";
import { type ServeParts, serve } from "./serve.ts";
import { seededRandom } from "./text/random.ts";

export interface Simulator {
  readonly port: number;
  /** `http://host:port`, without a path. */
  readonly url: string;
  /** The last requests, oldest first, credentials included; the simulator's own endpoints are not among them. */
  received(): readonly ReceivedRequest[];
  /** Lays down a behaviour; returns how to withdraw it. Throws a `TypeError` for a knob that does not fit. */
  behave(rule: BehaviourRule): () => void;
  /** Forgets the requests and the rules. */
  reset(): void;
  /** Ends every connection at once, answers under way included; resolves when all are gone. */
  close(): Promise<void>;
}

/** Resolves when the simulator listens. Rejects when it cannot, or when a knob does not fit, saying where and why. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const closing = new AbortController();
  const parts = makeParts(options, closing.signal);
  const server = options.fast === true ? createFastFront(parts) : createPlainFront(parts);
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const { port, host } = await listen(server, options);
  let closed: Promise<unknown> | undefined;
  return {
    port,
    url: `http://${host}:${port}`,
    received: () => parts.journal.entries(),
    behave: (rule) => parts.rules.add(parseRule(rule)),
    reset() {
      parts.journal.clear();
      parts.rules.clear();
    },
    async close() {
      if (closed === undefined) {
        closing.abort(new Error("the simulator is closing"));
        closed = once(server, "close");
        server.close();
        for (const socket of sockets) socket.destroy();
      }
      await closed;
    },
  };
}

function makeParts(options: SimulatorOptions, closing: AbortSignal): ServeParts {
  const { seed = 1, apiKey, embed, now, models = defaultModels, datedModels = false } = options;
  const surroundings: Surroundings = { seed, apiKey, embed, now, models, datedModels };
  return {
    surroundings,
    journal: createJournal(),
    rules: createRules(),
    behaviour: options.behaviour === undefined ? undefined : parseBehaviour(options.behaviour),
    script: options.script,
    onAnswer: options.onAnswer,
    random: options.random ?? seededRandom(seed),
    sleep: options.sleep ?? sleepFor,
    closing,
  };
}

function createPlainFront(parts: ServeParts): HttpServer {
  return createHttpServer((request, response) => serveOrFail(request, response, parts));
}

function createFastFront(parts: ServeParts): Server {
  const prepared = prepareAnswers(parts);
  const fastPath = createFastPath(prepared, parts);
  const http = createHttpServer((request, response) => {
    if (!fastPath(request, response)) serveOrFail(request, response, parts);
  });
  return isPaced(parts) ? http : createFastServer(prepared, http);
}

function createHttpServer(
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): HttpServer {
  const server = createServer(onRequest);
  // Longer than any gateway keeps an idle connection, so that it is never us who closes one under a request.
  server.keepAliveTimeout = 90_000;
  return server;
}

function serveOrFail(request: IncomingMessage, response: ServerResponse, parts: ServeParts): void {
  serve(request, response, parts).catch((error: unknown) => fail(error, response));
}

/** A timer of more than 2³¹ − 1 ms would fire at once; nobody waits that long (25 days). */
function sleepFor(ms: number, signal: AbortSignal): Promise<void> {
  return timer(Math.min(ms, 2 ** 31 - 1), undefined, { signal });
}

async function listen(server: Server, options: SimulatorOptions): Promise<{ port: number; host: string }> {
  const { port = 0, host = "127.0.0.1" } = options;
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (cause) {
    throw new Error(
      `the simulator cannot listen on ${host}:${port}: ${String(cause)}. Choose another port or host.`,
      { cause },
    );
  }
  const address = server.address() as AddressInfo; // a listening TCP server has one
  return { port: address.port, host: host.includes(":") ? `[${host}]` : host };
}

/** A fault of ours, or of the caller's script or embedder: the tester sees it instead of a hanging request. */
function fail(error: unknown, response: ServerResponse): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const message = `the simulator failed: ${error instanceof Error ? error.message : String(error)}`;
  response.writeHead(500, { "content-type": "application/json" });
  response.end(JSON.stringify({ error: { message, type: "simulator_error", param: null, code: null } }));
}
