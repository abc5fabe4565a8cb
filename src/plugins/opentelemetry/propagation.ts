/** Which formats the trace is read from and told in: the config's words made into functions. */
import type { ClientRequest } from "../../http/exchange.ts";
import type { OpentelemetryConfig } from "./config.ts";
import { b3, b3Single, type TraceContext, type TraceFormat, w3c } from "./trace-context.ts";

export interface Incoming {
  readonly context: TraceContext;
  readonly format: TraceFormat;
}

export interface Propagation {
  /** The first format that the client speaks. */
  extract(headers: ClientRequest["headers"]): Incoming | undefined;
  /** What upstreams are told in, for a client that spoke `incoming`. Empty: they are told nothing. */
  formatsFor(incoming: TraceFormat | undefined): readonly TraceFormat[];
}

/** What can be read and written, by the names of the config. B3's reader takes both of its ways. */
const readers: Readonly<Record<string, readonly TraceFormat[]>> = { w3c: [w3c], b3: [b3Single, b3] };
const writers: Readonly<Record<string, TraceFormat>> = { w3c, b3, "b3-single": b3Single };

export function isKnownFormat(name: string): boolean {
  return name === "preserve" || name === "ignore" || writers[name] !== undefined;
}

export function createPropagation(config: OpentelemetryConfig): Propagation {
  const { extract, inject, fallback } = rules(config);
  const extractors = extract.flatMap((name) => readers[name] ?? []);
  const known = new Map<TraceFormat | undefined, readonly TraceFormat[]>();
  const injectors = (incoming: TraceFormat | undefined) => {
    const formats = inject.map((name) =>
      name === "preserve" ? (incoming ?? writers[fallback]) : writers[name],
    );
    return [...new Set(formats)].filter((format) => format !== undefined);
  };
  for (const format of [undefined, ...extractors]) known.set(format, injectors(format));
  return {
    extract(headers) {
      for (const format of extractors) {
        const context = format.read(headers);
        if (context !== undefined) return { context, format };
      }
      return undefined;
    },
    formatsFor: (incoming) => known.get(incoming) ?? [],
  };
}

interface Rules {
  readonly extract: readonly string[];
  readonly inject: readonly string[];
  readonly fallback: string;
}

/** As Kong reads it: `header_type` counts where `propagation` says nothing but `default_format`. */
function rules({ header_type: type, propagation }: OpentelemetryConfig): Rules {
  const { clear, default_format: fallback, extract, inject } = propagation;
  if (clear !== undefined || extract !== undefined || inject !== undefined)
    return { extract: extract ?? [], inject: inject ?? [], fallback };
  if (type === "ignore") return { extract: [], inject: [fallback], fallback };
  const others = type === "preserve" ? [] : [type];
  return { extract: ["b3", "w3c"], inject: ["preserve", ...others], fallback };
}
