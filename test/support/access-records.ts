/** Access records and what they are made of, for tests of telemetry. */
import type { Exchange } from "../../src/http/exchange.ts";
import type { ExchangeEnd } from "../../src/http/listener.ts";
import type { AiFacts, TriedTarget } from "../../src/llm/ai-facts.ts";
import { type AccessRecord, buildAccessRecord } from "../../src/telemetry/access-record.ts";
import { createExchange } from "./exchange.ts";

export function createAiFacts(facts: Partial<AiFacts> = {}): AiFacts {
  return {
    pluginId: "plugin-1",
    plugin: "ai-proxy-advanced",
    algorithm: "semantic",
    routeType: "llm/v1/chat",
    mode: "oneshot",
    embeddingsProvider: "fake",
    tried: [],
    ...facts,
  };
}

/** An attempt at a vendor's model. */
export function createTriedTarget(facts: Partial<TriedTarget> = {}): TriedTarget {
  return {
    provider: "openai",
    model: "m",
    route_type: "llm/v1/chat",
    host: "h",
    ip: "h",
    port: 443,
    upstream_scheme: "https",
    upstream_uri: "/v1",
    ...facts,
  };
}

export const wellEnded: ExchangeEnd = { status: 200, headers: {}, bytesSent: 0, clientAborted: false };

export interface RecordFacts {
  readonly exchange?: Partial<Exchange>;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly query?: string;
  readonly end?: Partial<ExchangeEnd>;
  /** Milliseconds after the start. Default 100. */
  readonly now?: number;
  readonly error?: Error;
  readonly credentialNames?: readonly string[];
}

/** As it is written: without the fields that have no value. */
export function createRecord(facts: RecordFacts = {}): AccessRecord {
  const { headers, query } = facts;
  const exchange = createExchange({ body: "12345", ...(headers && { headers }), ...(query && { query }) });
  const record = buildAccessRecord(
    { ...exchange, ...facts.exchange },
    {
      end: { ...wellEnded, ...facts.end },
      now: facts.now ?? 100,
      error: facts.error,
      credentialNames: new Set(facts.credentialNames),
    },
  );
  return JSON.parse(JSON.stringify(record)) as AccessRecord; // the type says what JSON leaves out may be missing
}
