/** A gateway that traces, before a collector that understands what it is sent. */
import { type Stack, type StackOptions, startStack } from "./gateway.ts";
import type { ConfigObject } from "./gateway-config.ts";
import { type SeenSpan, startTraceCollector, type TraceCollector } from "./trace-collector.ts";

export interface Traced {
  readonly stack: Stack;
  readonly collector: TraceCollector;
  close(): Promise<void>;
}

/** The config with the plugin for all its routes. Spans are sent at once, and every trace is kept, unless told otherwise. */
export function withTracing(
  config: ConfigObject,
  endpoint: string,
  settings: ConfigObject = {},
): ConfigObject {
  const plugins = (config["plugins"] as readonly ConfigObject[] | undefined) ?? []; // as the helpers make it
  const { queue, ...rest } = settings;
  const tracing = {
    traces_endpoint: endpoint,
    sampling_rate: 1,
    queue: { max_coalescing_delay: 0, ...(queue as ConfigObject | undefined) },
    ...rest,
  };
  return { ...config, plugins: [...plugins, { name: "opentelemetry", config: tracing }] };
}

export async function startTraced(
  config: (simulatorUrl: string) => ConfigObject,
  settings: ConfigObject = {},
  options: Partial<StackOptions> = {},
): Promise<Traced> {
  const collector = await startTraceCollector();
  const stack = await startStack({
    ...options,
    config: (url) => withTracing(config(url), collector.url, settings),
  });
  return {
    stack,
    collector,
    async close() {
      await stack.close();
      await collector.close();
    },
  };
}

/** A trace as a tree in words: each span below its parent, in the order they began. */
export function tree(spans: readonly SeenSpan[]): readonly string[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const below = (parentId: string | undefined, depth: number): readonly string[] =>
    spans
      .filter((span) => (parentId === undefined ? !ids.has(span.parentId) : span.parentId === parentId))
      .sort((a, b) => a.startMs - b.startMs)
      .flatMap((span) => [
        `${"  ".repeat(depth)}${span.name}${span.error === undefined ? "" : ` (${span.attributes["error.type"]})`}`,
        ...below(span.spanId, depth + 1),
      ]);
  return below(undefined, 0);
}

/** The only span with this name. */
export function spanNamed(spans: readonly SeenSpan[], name: string): SeenSpan {
  const found = spans.filter((span) => span.name === name);
  const [only] = found;
  if (only === undefined || found.length > 1) throw new Error(`${found.length} spans are called ${name}`);
  return only;
}
