/** Where a span stands in a trace, and the headers that say so: W3C Trace Context (level 1) and B3. */
import type { ClientRequest } from "../../http/exchange.ts";

export interface TraceContext {
  /** 32 hex digits, not all zero. */
  readonly traceId: string;
  /** 16 hex digits, not all zero. Of the span that the headers name. */
  readonly spanId: string;
  /** What the sender says of it; undefined: it leaves that to us. */
  readonly isSampled: boolean | undefined;
  /** Words of other tracers, passed on as they came (`tracestate`). */
  readonly state?: string | undefined;
}

/** One way of writing it into headers. */
export interface TraceFormat {
  /** Undefined where the headers say nothing in this format, or nothing valid. */
  read(headers: ClientRequest["headers"]): TraceContext | undefined;
  /** Every header the format has; none of them passes from the client where we write our own. */
  readonly names: readonly string[];
  write(context: TraceContext): Record<string, string>;
}

/** Digits in lower case, and no upper case let through: https://www.w3.org/TR/trace-context/#traceparent-header-field-values */
const traceparent = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

export const w3c: TraceFormat = {
  read(headers) {
    if (headers["traceparent"] === undefined) return undefined;
    const [, version, traceId, spanId, flags = "0", more] =
      traceparent.exec(single(headers["traceparent"])) ?? [];
    if (traceId === undefined || spanId === undefined || isZero(traceId) || isZero(spanId)) return undefined;
    // Later versions may say more after what we know; ff is none, and the first one has nothing more to say.
    if (version === "ff" || (version === "00" && more !== undefined)) return undefined;
    const isSampled = (Number.parseInt(flags, 16) & 1) === 1;
    return { traceId, spanId, isSampled, state: single(headers["tracestate"]) || undefined };
  },
  names: ["traceparent", "tracestate"],
  write: ({ traceId, spanId, isSampled, state }) => ({
    traceparent: `00-${traceId}-${spanId}-${isSampled === true ? "01" : "00"}`,
    ...(state !== undefined && { tracestate: state }),
  }),
};

const b3Names = [
  "b3",
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-parentspanid",
  "x-b3-sampled",
  "x-b3-flags",
] as const;

/** Zipkin's, in several headers: https://github.com/openzipkin/b3-propagation */
export const b3: TraceFormat = {
  read(headers) {
    if (headers["x-b3-traceid"] === undefined) return undefined;
    return b3Context({
      traceId: single(headers["x-b3-traceid"]),
      spanId: single(headers["x-b3-spanid"]),
      sampled: single(headers["x-b3-flags"]) === "1" ? "d" : single(headers["x-b3-sampled"]),
    });
  },
  names: b3Names,
  write: ({ traceId, spanId, isSampled }) => ({
    "x-b3-traceid": traceId,
    "x-b3-spanid": spanId,
    "x-b3-sampled": isSampled === true ? "1" : "0",
  }),
};

/** The same in one header. */
export const b3Single: TraceFormat = {
  read(headers) {
    if (headers["b3"] === undefined) return undefined;
    const [traceId = "", spanId = "", sampled = ""] = single(headers["b3"]).split("-");
    return b3Context({ traceId, spanId, sampled });
  },
  names: b3Names,
  write: ({ traceId, spanId, isSampled }) => ({
    b3: `${traceId}-${spanId}-${isSampled === true ? "1" : "0"}`,
  }),
};

interface B3Words {
  readonly traceId: string;
  readonly spanId: string;
  /** `1`, `0`, `true`, `false`; `d`: sampled, and to be looked at. */
  readonly sampled: string;
}

/** Trace ids may have 16 digits there; the left half is then zero. */
function b3Context({ traceId, spanId, sampled }: B3Words): TraceContext | undefined {
  if (!/^(?:[0-9a-f]{16}){1,2}$/i.test(traceId) || !/^[0-9a-f]{16}$/i.test(spanId)) return undefined;
  if (isZero(traceId) || isZero(spanId)) return undefined;
  return {
    traceId: traceId.toLowerCase().padStart(32, "0"),
    spanId: spanId.toLowerCase(),
    isSampled: b3Decisions[sampled.toLowerCase()],
  };
}

const b3Decisions: Readonly<Record<string, boolean>> = {
  "1": true,
  d: true,
  true: true,
  "0": false,
  false: false,
};

function isZero(digits: string): boolean {
  return /^0+$/.test(digits);
}

function single(value: string | string[] | undefined): string {
  return Array.isArray(value) ? value.join(", ") : (value ?? "");
}
