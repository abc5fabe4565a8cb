/** An exchange without a socket. */
import { Readable } from "node:stream";
import type { ClientRequest, Exchange } from "../../src/http/exchange.ts";

export interface ExchangeFacts {
  /** Default: `exchange-1`. */
  readonly id?: string;
  /** Written out as JSON unless it is text or bytes. */
  readonly body?: unknown;
  readonly headers?: ClientRequest["headers"];
  readonly rawHeaders?: readonly string[];
  readonly query?: string;
  readonly method?: string;
  /** Default: `/anything`. */
  readonly path?: string;
  readonly signal?: AbortSignal;
  readonly now?: () => number;
}

export function createExchange(facts: ExchangeFacts = {}): Exchange {
  const bytes = bytesOf(facts.body);
  const request: ClientRequest = {
    method: facts.method ?? "POST",
    path: facts.path ?? "/anything",
    query: facts.query ?? "",
    headers: {
      host: "gateway.example",
      "content-type": "application/json",
      "content-length": String(bytes.length),
      ...facts.headers,
    },
    rawHeaders: facts.rawHeaders ?? [],
    clientIp: "203.0.113.7",
    scheme: "http",
    tls: undefined,
    isTrusted: false,
    body: Readable.from([bytes], { objectMode: false }),
  };
  const signal = facts.signal ?? new AbortController().signal;
  return {
    id: facts.id ?? "exchange-1",
    request,
    onward: { toService: request, toVendor: request },
    signal,
    cancellation: signal,
    startedAtMs: 1_700_000_000_000,
    startedAt: facts.now?.() ?? 0,
    attempts: [],
  };
}

function bytesOf(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body ?? {}));
}
