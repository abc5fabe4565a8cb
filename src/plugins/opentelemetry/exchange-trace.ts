/** The trace of one exchange while it runs: ids and the decision to keep it. Its spans are made when it is over. */
import type { ExchangeTrace } from "../../http/exchange.ts";
import type { Incoming } from "./propagation.ts";
import type { IdSource, Sampler } from "./sampling.ts";
import type { TraceContext, TraceFormat } from "./trace-context.ts";

export interface TraceParts {
  readonly incoming: Incoming | undefined;
  /** What upstreams are told in. */
  readonly formats: readonly TraceFormat[];
  readonly ids: IdSource;
  readonly sampler: Sampler;
  /** Header of the answer that tells the trace's id, in lower case. */
  readonly replyHeader: string | undefined;
}

export class ServerTrace implements ExchangeTrace {
  readonly traceId: string;
  /** Of the span for the whole exchange. */
  readonly spanId: string;
  /** The caller's span. */
  readonly parent: TraceContext | undefined;
  readonly isSampled: boolean;
  readonly replyHeaders: Readonly<Record<string, string>> | undefined;
  readonly #formats: readonly TraceFormat[];
  readonly #ids: IdSource;
  readonly #attemptSpans: string[] = [];

  constructor({ formats, ids, incoming, replyHeader, sampler }: TraceParts) {
    this.parent = incoming?.context;
    this.traceId = this.parent?.traceId ?? ids.traceId();
    this.spanId = ids.spanId();
    this.isSampled = sampler(this.traceId, this.parent?.isSampled);
    this.replyHeaders = replyHeader === undefined ? undefined : { [replyHeader]: this.traceId };
    this.#formats = formats;
    this.#ids = ids;
  }

  /** The client's own words in these formats give way to ours. */
  attemptHeaders(headers: Readonly<Record<string, string | string[]>>): Record<string, string | string[]> {
    const spanId = this.#ids.spanId();
    this.#attemptSpans.push(spanId);
    const told: Record<string, string | string[]> = { ...headers };
    const context = { traceId: this.traceId, spanId, isSampled: this.isSampled, state: this.parent?.state };
    for (const { names } of this.#formats) for (const name of names) delete told[name];
    for (const format of this.#formats) Object.assign(told, format.write(context));
    return told;
  }

  /** Of the attempt at this place in the order; one that never came to be sent has none. */
  attemptSpan(index: number): string {
    return this.#attemptSpans[index] ?? this.#ids.spanId();
  }

  newSpanId(): string {
    return this.#ids.spanId();
  }
}
