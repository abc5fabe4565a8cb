import type { Exchange } from "../../http/exchange.ts";
import type { HttpCallRequest } from "../../http/http-call.ts";
import type { AccessRecord } from "../../telemetry/access-record.ts";
import { BatchQueue, type BatchQueueLimits } from "../../telemetry/batch-queue.ts";
import { Contact } from "../../telemetry/contact.ts";
import { DroppedEntries } from "../../telemetry/dropped-entries.ts";
import {
  type ComponentHealth,
  definePlugin,
  type Plugin,
  type PluginServices,
  type ProbeResult,
} from "../plugin.ts";
import { checkHttpLog, type HttpLogConfig, httpLogConfig } from "./config.ts";

/** Sends the record of every request to an HTTP endpoint. */
export const httpLog = definePlugin({
  name: "http-log",
  summary: "Sends an entry for every request to an HTTP endpoint, one by one or in batches.",
  config: httpLogConfig,
  check: checkHttpLog,
  create: (config, services) => new HttpLog(config, services),
});

/** How long closing goes on delivering what is queued. A choice: most of a stop's default deadline is left. */
const closeDeadlineMs = 5_000;

/** Ten thousand entries with payloads could be any size. */
const defaultMaxBytes = 64 * 1024 * 1024;

class HttpLog implements Plugin {
  readonly #call: PluginServices["call"];
  readonly #request: Omit<HttpCallRequest, "body" | "signal">;
  readonly #now: () => number;
  readonly #isBatched: boolean;
  readonly #contact: Contact;
  readonly #dropped: DroppedEntries;
  readonly #queue: BatchQueue<string>;
  #written = 0;

  constructor(config: HttpLogConfig, { call, log, now, random, schedule }: PluginServices) {
    const limits = limitsOf(config);
    const place = new URL(config.http_endpoint).origin;
    this.#call = call;
    this.#now = now;
    this.#request = requestOf(config);
    this.#isBatched = limits.maxBatchSize > 1;
    this.#contact = new Contact({
      what: "the log endpoint",
      meanwhile: "entries wait in the queue, and the oldest are dropped when it is full",
      place,
      log,
      now,
    });
    this.#dropped = new DroppedEntries({ place, log, now });
    this.#queue = new BatchQueue({
      limits,
      now,
      random,
      schedule,
      deliver: (entries, signal) => this.#deliver(entries, signal),
      onDropped: (count) => this.#dropped.add(count),
    });
  }

  log(_exchange: Exchange, record: AccessRecord): void {
    const entry = JSON.stringify(record);
    this.#queue.add(entry, Buffer.byteLength(entry));
  }

  describe(): readonly string[] {
    const { method } = this.#request;
    return [
      `entries go to ${this.#contact.place} by ${method}, ${this.#isBatched ? "in batches" : "one by one"}`,
    ];
  }

  health(): readonly ComponentHealth[] {
    const { failures, place: name, reason, state } = this.#contact;
    const { total: dropped } = this.#dropped;
    return [{ component: "log_endpoint", name, state, reason, failures, writes: this.#written, dropped }];
  }

  /** Asks with GET: an entry of ours would have to be told from real ones. */
  async probe(signal: AbortSignal): Promise<readonly ProbeResult[]> {
    const { place: name } = this.#contact;
    const startedAt = this.#now();
    try {
      const { status } = await this.#call({ ...this.#request, method: "GET", signal });
      const facts = { status, latency: `${(this.#now() - startedAt).toFixed(1)} ms` };
      const error = status === 401 || status === 403 ? "it does not let us in" : undefined;
      return [{ component: "log endpoint", name, facts, error }];
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return [{ component: "log endpoint", name, facts: {}, error: reason }];
    }
  }

  async close(): Promise<void> {
    await this.#queue.close(closeDeadlineMs);
    this.#dropped.tellAll();
  }

  async #deliver(entries: readonly string[], signal: AbortSignal): Promise<void> {
    const body = this.#isBatched ? `[${entries.join(",")}]` : entries.join();
    try {
      const { status } = await this.#call({ ...this.#request, body, signal });
      if (status < 200 || status > 299) throw new Error(`it answered with status ${status}`);
    } catch (error) {
      this.#contact.failed(error);
      throw error;
    }
    this.#written += entries.length;
    this.#contact.succeeded();
    this.#dropped.tell();
  }
}

function limitsOf({ flush_timeout, queue, queue_size }: HttpLogConfig): BatchQueueLimits {
  return {
    maxBatchSize: queue_size ?? queue.max_batch_size,
    maxCoalescingDelayMs: (flush_timeout ?? queue.max_coalescing_delay) * 1_000,
    maxEntries: queue.max_entries,
    maxBytes: queue.max_bytes ?? defaultMaxBytes,
    initialRetryDelayMs: queue.initial_retry_delay * 1_000,
    maxRetryDelayMs: queue.max_retry_delay * 1_000,
    maxRetryTimeMs: queue.max_retry_time * 1_000,
    concurrency: queue.concurrency_limit === -1 ? Number.POSITIVE_INFINITY : queue.concurrency_limit,
  };
}

function requestOf(config: HttpLogConfig): Omit<HttpCallRequest, "body" | "signal"> {
  const url = new URL(config.http_endpoint);
  const { password, username } = url;
  url.username = "";
  url.password = "";
  const own = Object.entries(config.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    method: config.method,
    url: url.href,
    headers: {
      ...(username + password !== "" && { authorization: basic(username, password) }),
      ...Object.fromEntries(own),
      "accept-encoding": "identity",
      "content-type": config.content_type,
    },
    timeoutMs: config.timeout,
    connection: { trustsAnyCertificate: !config.ssl_verify, idleMs: config.keepalive },
  };
}

/** RFC 7617. */
function basic(username: string, password: string): string {
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(pair).toString("base64")}`;
}
