import type { Exchange } from "../../http/exchange.ts";
import type { AccessRecord } from "../../telemetry/access-record.ts";
import { Contact } from "../../telemetry/contact.ts";
import { version } from "../../util/version.ts";
import {
  type ComponentHealth,
  definePlugin,
  type Plugin,
  type PluginServices,
  type ProbeResult,
} from "../plugin.ts";
import { checkOpentelemetry, isDynamic } from "./checks.ts";
import { Collector, type CollectorSettings } from "./collector.ts";
import { type OpentelemetryConfig, opentelemetryConfig } from "./config.ts";
import { ServerTrace } from "./exchange-trace.ts";
import type { Pipeline } from "./pipeline.ts";
import { createPropagation, type Propagation } from "./propagation.ts";
import {
  createSampler,
  createTraceIds,
  defaultSamplingRate,
  type IdSource,
  type Sampler,
} from "./sampling.ts";
import { spansOf } from "./spans.ts";

/** Traces exchanges: tells upstreams of the trace while they run, and a collector of their spans when they are over. */
export const opentelemetry = definePlugin({
  name: "opentelemetry",
  summary:
    "Sends a trace of each request to an OpenTelemetry collector, and tells services and vendors of it.",
  config: opentelemetryConfig,
  check: checkOpentelemetry,
  create: (config, services) =>
    config.traces_endpoint === undefined
      ? {}
      : new Opentelemetry(config, new URL(config.traces_endpoint), services),
});

/** How long a stop waits for the last spans: within the time that supervisors give a process, a choice. */
const closeDeadlineMs = 3_000;

class Opentelemetry implements Plugin {
  readonly #config: OpentelemetryConfig;
  readonly #services: PluginServices;
  readonly #ids: IdSource;
  readonly #sampler: Sampler;
  readonly #propagation: Propagation;
  readonly #cleared: readonly string[];
  readonly #replyHeader: string | undefined;
  readonly #contact: Contact;
  readonly #collector: Collector;
  #pipeline: Pipeline | undefined;
  #dropped = 0;
  #untold = 0;
  #dropReason = "";

  constructor(config: OpentelemetryConfig, endpoint: URL, services: PluginServices) {
    this.#config = config;
    this.#services = services;
    this.#ids = createTraceIds(services.random);
    this.#sampler = createSampler(config);
    this.#propagation = createPropagation(config);
    this.#cleared = (config.propagation.clear ?? []).map((name) => name.toLowerCase());
    this.#replyHeader = config.http_response_header_for_traceid?.toLowerCase();
    this.#contact = new Contact({
      what: "the trace collector",
      meanwhile: "spans wait for it, as many as max_entries says, and are then given up",
      place: `${endpoint.origin}${endpoint.pathname}`, // a query may hold a token
      log: services.log,
      now: services.now,
    });
    this.#collector = new Collector(collectorSettings(config, endpoint), services, this.#contact);
  }

  async start(): Promise<void> {
    const { createPipeline } = await import("./pipeline.ts");
    const { max_batch_size, max_coalescing_delay, max_entries, max_retry_time } = this.#config.queue;
    this.#pipeline = createPipeline({
      resource: this.#resource(),
      scope: { name: "sluice", version: version() },
      maxBatchSize: this.#config.batch_span_count ?? max_batch_size,
      maxDelayMs: 1000 * (this.#config.batch_flush_delay ?? max_coalescing_delay),
      maxSpans: max_entries,
      exportTimeoutMs: 1000 * max_retry_time + 2 * this.#collector.tryTimeoutMs,
      send: (batch) => this.#send(batch),
      onDropped: (count, reason) => this.#drop(count, reason),
    });
  }

  begin(exchange: Exchange): void {
    if (this.#pipeline === undefined) return;
    const incoming = this.#propagation.extract(exchange.request.headers);
    exchange.trace = new ServerTrace({
      incoming,
      formats: this.#propagation.formatsFor(incoming?.format),
      ids: this.#ids,
      sampler: this.#sampler,
      replyHeader: this.#replyHeader,
    });
    if (this.#cleared.length > 0) this.#clear(exchange);
  }

  log(exchange: Exchange, record: AccessRecord): void {
    const { trace } = exchange;
    if (!(trace instanceof ServerTrace) || !trace.isSampled) return;
    this.#pipeline?.add(spansOf({ exchange, record, trace, endedAt: this.#services.now() }));
  }

  describe(): readonly string[] {
    const { sampling_rate: rate = defaultSamplingRate } = this.#config;
    return [`traces to ${this.#contact.place}, ${Number((100 * rate).toPrecision(6))} % of them`];
  }

  health(): readonly ComponentHealth[] {
    const { failures, place, reason, state } = this.#contact;
    const { batches } = this.#collector;
    const component = "trace_collector";
    return [{ component, name: place, state, reason, failures, writes: batches, dropped: this.#dropped }];
  }

  /** Sends a batch without a span, which receivers take like any other. */
  async probe(): Promise<readonly ProbeResult[]> {
    const begunAt = this.#services.now();
    const result = await this.#collector.try(new Uint8Array());
    const isTaken = result instanceof Uint8Array;
    const facts = isTaken ? { latency: `${Math.round(this.#services.now() - begunAt)} ms` } : {};
    const error = isTaken ? undefined : result.error.message;
    return [{ component: "trace collector", name: this.#contact.place, facts, error }];
  }

  async close(): Promise<void> {
    const cancelTimer = this.#services.schedule(closeDeadlineMs, () => this.#collector.end());
    this.#collector.hurry();
    await this.#pipeline?.close();
    cancelTimer();
    this.#tellDropped();
  }

  async #send(batch: Uint8Array): Promise<Uint8Array> {
    const answer = await this.#collector.send(batch);
    this.#tellDropped();
    return answer;
  }

  /** The service gets to see none of these; a vendor sees no header of the client's anyway. */
  #clear(exchange: Exchange): void {
    const { toService } = exchange.onward;
    const headers = { ...toService.headers };
    for (const name of this.#cleared) delete headers[name];
    exchange.onward = { ...exchange.onward, toService: { ...toService, headers } };
  }

  #resource(): Record<string, string> {
    const { resource_attributes = {} } = this.#config;
    return {
      "service.name": "kong",
      "service.version": version(),
      "service.instance.id": this.#ids.traceId(),
      ...Object.fromEntries(Object.entries(resource_attributes).filter(([, value]) => !isDynamic(value))),
    };
  }

  #drop(count: number, reason: string): void {
    this.#dropped += count;
    this.#untold += count;
    this.#dropReason = reason;
  }

  /** Once it is over: while the collector is away, that has been said. */
  #tellDropped(): void {
    if (this.#untold === 0) return;
    this.#services.log.warn("spans were given up", {
      place: this.#contact.place,
      spans: this.#untold,
      reason: this.#dropReason,
    });
    this.#untold = 0;
  }
}

/** Where a timeout is 0, nginx takes its own of a minute. */
const defaultTimeoutMs = 60_000;

function collectorSettings(config: OpentelemetryConfig, endpoint: URL): CollectorSettings {
  const { headers = {}, queue } = config;
  return {
    endpoint,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    connectTimeoutMs: config.connect_timeout || defaultTimeoutMs,
    writeTimeoutMs: config.send_timeout || defaultTimeoutMs,
    readTimeoutMs: config.read_timeout || defaultTimeoutMs,
    maxRetryTimeMs: 1000 * queue.max_retry_time,
    firstRetryMs: 1000 * queue.initial_retry_delay,
    lastRetryMs: 1000 * queue.max_retry_delay,
  };
}
