/** Contract of the simulated endpoints: a checked request in, an answer in the vendor's words out. */
import type { IncomingHttpHeaders } from "node:http";
import type { JsonObject } from "../llm/json.ts";
import type { Behaviour } from "./behaviour.ts";
import type { Random } from "./text/random.ts";

/** What an endpoint may use besides the request. */
export interface Surroundings {
  /** Undefined: every key is welcome, also none. */
  readonly apiKey: string | undefined;
  readonly seed: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly models: readonly string[];
  /** Answers name the model with a date, as vendors do for their aliases. */
  readonly datedModels: boolean;
  /** A unit vector for a text. Absent: embeddings are not offered. */
  readonly embed: ((text: string) => Float32Array) | undefined;
}

export interface Call {
  /** Without the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** `{}` for a GET. */
  readonly body: JsonObject;
  readonly behaviour: Behaviour;
  readonly surroundings: Surroundings;
  /** Seeded by the simulator's seed and the number of the request: for ids, not for content. */
  readonly random: Random;
}

/** One server-sent event, ready for the wire. */
export interface StreamEvent {
  readonly text: string;
  /** Tokens of the answer in it; what `perTokenMs` waits for. */
  readonly tokens: number;
  /** The vendor's mark that the stream is complete. */
  readonly terminal?: true;
}

export type Answer =
  | { readonly kind: "whole"; readonly body: JsonObject; readonly tokens: number }
  | { readonly kind: "stream"; readonly events: Iterable<StreamEvent> };

export interface Endpoint {
  readonly name: string;
  readonly method: "GET" | "POST";
  /** Whether this endpoint serves a path. */
  serves(path: string): boolean;
  /** The model a request is for, wherever the vendor has it; what rules match on. */
  model(path: string, body: unknown): string | undefined;
  /** Throws a `VendorError` for what the vendor would refuse. */
  answer(call: Call): Answer;
  /** The vendor's error body. */
  errorBody(error: VendorError, requestId: string): JsonObject;
  /** The vendor's error inside a stream. */
  errorEvent(error: VendorError): string;
  /** A request to prepare the answers of the fast mode from. Absent: not offered in it. */
  readonly sample?: { readonly headers: IncomingHttpHeaders; readonly body: JsonObject };
  /** The response header that carries the request's id. */
  readonly requestIdHeader: string;
}

/** A refusal as a vendor words it. */
export class VendorError extends Error {
  readonly status: number;
  /** The vendor's machine-readable kind; undefined: the one that goes with the status. */
  readonly type: string | undefined;
  readonly code: string | undefined;
  /** The part of the request that is wrong, e.g. `messages[0].role`. */
  readonly param: string | undefined;

  constructor(status: number, message: string, facts: { type?: string; code?: string; param?: string } = {}) {
    super(message);
    this.name = "VendorError";
    this.status = status;
    this.type = facts.type;
    this.code = facts.code;
    this.param = facts.param;
  }
}
