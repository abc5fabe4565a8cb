/**
 * The official SDK's part: its batch processor, its resource and its OTLP encoding. The one file that loads it, and only
 * when a gateway traces: some 230 modules, 0.2 s (measured, Node 20).
 *
 * Spans are handed over as the SDK's `ReadableSpan`, ready made: a tracer would ask the clock and make ids of its own, when
 * times and ids are long known. The SDK's exporter would read deadlines and headers from the environment in place of the
 * config, so that batches are sent by `collector.ts`.
 */
import type { HrTime, SpanContext } from "@opentelemetry/api";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { defaultResource, type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from "@opentelemetry/sdk-trace-base";
import type { Attributes, Span, Trace } from "./span.ts";

export interface PipelineOptions {
  readonly resource: Readonly<Record<string, string>>;
  readonly scope: { readonly name: string; readonly version: string };
  readonly maxBatchSize: number;
  /** Spans that may wait or be under way. */
  readonly maxSpans: number;
  readonly maxDelayMs: number;
  /** Bound on all tries of a batch; whoever sends has given up before. */
  readonly exportTimeoutMs: number;
  /** Resolves with the receiver's answer. */
  readonly send: (batch: Uint8Array) => Promise<Uint8Array>;
  /** So many spans are given up. */
  readonly onDropped: (count: number, reason: string) => void;
}

export interface Pipeline {
  /** Takes a trace without waiting; where there is no room, gives the whole of it up. */
  add(trace: Trace): void;
  /** Resolves when every span has been sent or given up. */
  close(): Promise<void>;
}

/** The SDK's numbers (`ExportResultCode`, `SpanKind`, `SpanStatusCode`), which are the protocol's. */
const taken = 0;
const givenUp = 1;
const kinds = { server: 1, client: 2 } as const;
const errorStatus = 2;
const isSampled = 1;

/** Node's timers know no longer time; they would fire at once. */
const maxTimerMs = 2_147_483_647;

export function createPipeline(options: PipelineOptions): Pipeline {
  const { maxSpans, onDropped, scope } = options;
  const resource = defaultResource().merge(resourceFromAttributes(options.resource));
  const underWay = new Set<Promise<void>>();
  let waiting = 0;

  const settle = async (spans: ReadableSpan[], report: Parameters<SpanExporter["export"]>[1]) => {
    try {
      const batch = ProtobufTraceSerializer.serializeRequest(spans) ?? new Uint8Array();
      const answer = ProtobufTraceSerializer.deserializeResponse(await options.send(batch));
      const { errorMessage = "", rejectedSpans = 0 } = answer.partialSuccess ?? {};
      if (rejectedSpans > 0) onDropped(rejectedSpans, errorMessage);
      report({ code: taken });
    } catch (error) {
      onDropped(spans.length, error instanceof Error ? error.message : String(error));
      report({ code: givenUp });
    } finally {
      waiting -= spans.length;
    }
  };
  const exporter: SpanExporter = {
    export(spans, report) {
      const sending = settle(spans, report);
      underWay.add(sending);
      void sending.then(() => underWay.delete(sending));
    },
    async shutdown() {
      await Promise.all(underWay);
    },
  };
  const processor = new BatchSpanProcessor(exporter, {
    maxExportBatchSize: options.maxBatchSize,
    // The bound is ours, in `add`: the processor drops single spans and does not tell.
    maxQueueSize: Number.MAX_SAFE_INTEGER,
    scheduledDelayMillis: options.maxDelayMs,
    exportTimeoutMillis: Math.min(options.exportTimeoutMs, maxTimerMs),
  });

  return {
    add({ spans, state, traceId }) {
      // One trace may wait whatever its size, or a small bound would keep all from being sent.
      if (waiting > 0 && waiting + spans.length > maxSpans) {
        onDropped(spans.length, "too many wait");
        return;
      }
      waiting += spans.length;
      const from = {
        traceId,
        traceState: state === undefined ? undefined : verbatim(state),
        resource,
        scope,
      };
      for (const span of spans) processor.onEnd(new ReadySpan(span, from));
    },
    async close() {
      // It rejects, and leaves the exporter alone, where a batch was given up; that has been told.
      await processor.shutdown().catch(() => undefined);
      await exporter.shutdown();
    },
  };
}

interface Surroundings {
  readonly traceId: string;
  readonly traceState: SpanContext["traceState"];
  readonly resource: Resource;
  readonly scope: PipelineOptions["scope"];
}

/** As the SDK reads it; what has to be made for that is made when the batch is written, and is gone with it. */
class ReadySpan implements ReadableSpan {
  readonly links: [] = [];
  readonly ended = true;
  readonly droppedAttributesCount = 0;
  readonly droppedEventsCount = 0;
  readonly droppedLinksCount = 0;
  readonly #span: Span;
  readonly #from: Surroundings;

  constructor(span: Span, from: Surroundings) {
    this.#span = span;
    this.#from = from;
  }

  get name() {
    return this.#span.name;
  }

  get kind() {
    return kinds[this.#span.kind];
  }

  get resource() {
    return this.#from.resource;
  }

  get instrumentationScope() {
    return this.#from.scope;
  }

  spanContext(): SpanContext {
    return this.#contextOf(this.#span.spanId, false);
  }

  get parentSpanContext(): SpanContext {
    const { parent } = this.#span;
    // The encoder leaves a parent without an id out.
    return this.#contextOf(parent?.spanId ?? "", parent?.isRemote ?? false);
  }

  get startTime() {
    return hrTime(this.#span.startMs);
  }

  get endTime() {
    return hrTime(this.#span.endMs);
  }

  get duration() {
    return hrTime(this.#span.endMs - this.#span.startMs);
  }

  get status() {
    const { error } = this.#span;
    return error === undefined ? { code: 0 } : { code: errorStatus, message: error };
  }

  get attributes() {
    return known(this.#span.attributes);
  }

  get events() {
    return this.#span.events.map(({ atMs, name }) => ({ name, time: hrTime(atMs) }));
  }

  #contextOf(spanId: string, isRemote: boolean): SpanContext {
    const { traceId, traceState } = this.#from;
    const context = { traceId, spanId, traceFlags: isSampled, isRemote };
    return traceState === undefined ? context : { ...context, traceState };
  }
}

function known(attributes: Attributes): ReadableSpan["attributes"] {
  const kept: ReadableSpan["attributes"] = {};
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined) kept[name] = typeof value === "object" ? [...value] : value;
  }
  return kept;
}

/** Seconds and nanoseconds. */
function hrTime(ms: number): HrTime {
  const seconds = Math.trunc(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

/** `tracestate` as it came: nobody here has anything to add to it. */
function verbatim(text: string): NonNullable<SpanContext["traceState"]> {
  const state = { get: () => undefined, set: () => state, unset: () => state, serialize: () => text };
  return state;
}
