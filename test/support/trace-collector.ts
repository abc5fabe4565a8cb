/** A collector of traces: takes OTLP/HTTP in protobuf and shows what it understood (opentelemetry-proto 1.x, trace.proto). */
import type { RequestListener, ServerResponse } from "node:http";
import { bodyOf, startUpstream } from "./http-upstream.ts";

export interface SeenSpan {
  readonly name: string;
  readonly kind: "server" | "client" | "other";
  readonly traceId: string;
  readonly spanId: string;
  /** "" for a span without a parent. */
  readonly parentId: string;
  readonly state: string;
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly { readonly name: string; readonly atMs: number }[];
  /** Its message; undefined where the status is not an error's. */
  readonly error: string | undefined;
  readonly resource: Readonly<Record<string, unknown>>;
  readonly scope: string;
}

export interface SeenBatch {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly spans: readonly SeenSpan[];
}

export interface TraceCollector {
  readonly url: string;
  readonly batches: readonly SeenBatch[];
  readonly spans: readonly SeenSpan[];
  /** The spans of the trace with this name of a root's attribute `kong.request.id`, once they are there. */
  traceOf(requestId: string): Promise<readonly SeenSpan[]>;
  close(): Promise<void>;
}

/** `answer` decides about each batch; by default it is taken. */
export async function startTraceCollector(
  answer: (response: ServerResponse, count: number) => void = (response) => response.end(),
): Promise<TraceCollector> {
  const batches: SeenBatch[] = [];
  let count = 0;
  const listener: RequestListener = async (request, response) => {
    const body = await bodyOf(request);
    count++;
    response.once("finish", () => {
      if (response.statusCode === 200)
        batches.push({ path: request.url ?? "", headers: request.headers, spans: readBatch(body) });
    });
    answer(response, count);
  };
  const server = await startUpstream(listener);
  const spans = () => batches.flatMap((batch) => batch.spans);
  return {
    url: `${server.url}/v1/traces`,
    batches,
    get spans() {
      return spans();
    },
    async traceOf(requestId) {
      for (let tries = 0; tries < 2_000; tries++) {
        const root = spans().find(({ attributes }) => attributes["kong.request.id"] === requestId);
        if (root !== undefined) return spans().filter(({ traceId }) => traceId === root.traceId);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      throw new Error(`no trace of request ${requestId} has come`);
    },
    close: () => server.close(),
  };
}

/** A message's fields by number, each with its values in order: numbers, or the bytes of what is nested. */
type Fields = Map<number, (number | Buffer)[]>;

function readFields(bytes: Buffer): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] ?? 0;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(BigInt.asIntN(64, value));
    }
  };
  const take = (length: number) => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  const readers: Readonly<Record<number, () => number | Buffer>> = {
    0: varint,
    1: () => take(8),
    2: () => take(varint()),
    5: () => take(4),
  };
  while (at < bytes.length) {
    const tag = varint();
    const read = readers[tag & 7];
    if (read === undefined) throw new Error(`wire type ${tag & 7} is unknown`);
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), read()]);
  }
  return fields;
}

const all = (fields: Fields, number: number) =>
  (fields.get(number) ?? []).map((value) => readFields(value as Buffer));
const bytesIn = (fields: Fields, number: number) => (fields.get(number)?.[0] ?? Buffer.alloc(0)) as Buffer;
const textIn = (fields: Fields, number: number) => bytesIn(fields, number).toString("utf8");
const hexIn = (fields: Fields, number: number) => bytesIn(fields, number).toString("hex");
const numberIn = (fields: Fields, number: number) => (fields.get(number)?.[0] ?? 0) as number;
const msIn = (fields: Fields, number: number) =>
  Number(bytesIn(fields, number).readBigUInt64LE() / 1000n) / 1000;

function readBatch(body: Buffer): readonly SeenSpan[] {
  return all(readFields(body), 1).flatMap((group) => {
    const resource = attributesIn(readFields(bytesIn(group, 1)), 1);
    return all(group, 2).flatMap((scoped) => {
      const scope = textIn(readFields(bytesIn(scoped, 1)), 1);
      return all(scoped, 2).map((span) => readSpan(span, resource, scope));
    });
  });
}

function readSpan(span: Fields, resource: SeenSpan["resource"], scope: string): SeenSpan {
  const status = readFields(bytesIn(span, 15));
  return {
    traceId: hexIn(span, 1),
    spanId: hexIn(span, 2),
    state: textIn(span, 3),
    parentId: hexIn(span, 4),
    name: textIn(span, 5),
    kind: ({ 2: "server", 3: "client" } as const)[numberIn(span, 6)] ?? "other",
    startMs: msIn(span, 7),
    endMs: msIn(span, 8),
    attributes: attributesIn(span, 9),
    events: all(span, 11).map((event) => ({ name: textIn(event, 2), atMs: msIn(event, 1) })),
    error: numberIn(status, 3) === 2 ? textIn(status, 2) : undefined,
    resource,
    scope,
  };
}

function attributesIn(fields: Fields, number: number): Record<string, unknown> {
  return Object.fromEntries(
    all(fields, number).map((pair) => [textIn(pair, 1), plainValue(readFields(bytesIn(pair, 2)))]),
  );
}

function plainValue(value: Fields): unknown {
  const [[kind, [first] = []] = [0, []]] = value;
  if (kind === 1) return (first as Buffer).toString("utf8");
  if (kind === 2) return first === 1;
  if (kind === 3) return first;
  if (kind === 4) return (first as Buffer).readDoubleLE();
  return all(readFields(first as Buffer), 1).map(plainValue);
}
