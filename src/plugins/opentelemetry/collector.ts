/** Hands batches of spans to an OTLP/HTTP receiver: deadlines, tries with growing pauses, and one warning when it is away. */
import { LightCancellation } from "../../http/cancellation.ts";
import { readAll } from "../../http/read-all.ts";
import { retryAfterMs } from "../../http/retry-after.ts";
import type { UpstreamCall, UpstreamResponse } from "../../http/upstream-client.ts";
import type { Contact } from "../../telemetry/contact.ts";
import { StoreError } from "../../util/store-error.ts";
import type { PluginServices } from "../plugin.ts";

export interface CollectorSettings {
  readonly endpoint: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly connectTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly readTimeoutMs: number;
  /** Milliseconds for which a batch is tried again. */
  readonly maxRetryTimeMs: number;
  readonly firstRetryMs: number;
  readonly lastRetryMs: number;
}

/** Answers of receivers are a few bytes. */
const maxAnswerBytes = 64 * 1024;

/** What is lost of a failed try's answer. */
interface Refusal {
  readonly error: StoreError;
  /** The same batch may be taken later: https://opentelemetry.io/docs/specs/otlp/#failures-1 */
  readonly mayPass: boolean;
  readonly retryAfterMs: number;
}

export class Collector {
  /** The longest a try can take. */
  readonly tryTimeoutMs: number;
  readonly #settings: CollectorSettings;
  readonly #services: Pick<PluginServices, "now" | "schedule" | "upstream" | "wallClock">;
  readonly #contact: Contact;
  readonly #tries = new Set<LightCancellation>();
  readonly #pauses = new Set<() => void>();
  #isClosing = false;
  #batches = 0;

  constructor(
    settings: CollectorSettings,
    services: Pick<PluginServices, "now" | "schedule" | "upstream" | "wallClock">,
    contact: Contact,
  ) {
    this.#settings = settings;
    this.#services = services;
    this.#contact = contact;
    this.tryTimeoutMs = settings.connectTimeoutMs + settings.writeTimeoutMs + settings.readTimeoutMs;
  }

  /** Batches it has taken. */
  get batches(): number {
    return this.#batches;
  }

  /** Resolves with the answer once the batch is taken; rejects with a `StoreError` when it is given up. */
  async send(batch: Uint8Array): Promise<Uint8Array> {
    const { firstRetryMs, lastRetryMs, maxRetryTimeMs } = this.#settings;
    const begunAt = this.#services.now();
    for (let pauseMs = firstRetryMs; ; pauseMs = Math.min(lastRetryMs, 2 * pauseMs)) {
      const result = await this.try(batch);
      if (result instanceof Uint8Array) {
        this.#batches++;
        this.#contact.succeeded();
        return result;
      }
      this.#contact.failed(result.error);
      const waitMs = Math.max(result.retryAfterMs, pauseMs);
      const isTooLate = this.#services.now() - begunAt + waitMs > maxRetryTimeMs;
      if (!result.mayPass || isTooLate || this.#isClosing) throw result.error;
      await this.#pause(waitMs);
    }
  }

  /** Once, for those who want to know how it is. Never rejects. */
  async try(batch: Uint8Array): Promise<Uint8Array | Refusal> {
    const cancellation = new LightCancellation();
    const cancelTimer = this.#services.schedule(this.tryTimeoutMs, () =>
      cancellation.cancel(new Error(`no answer within ${this.tryTimeoutMs} ms`)),
    );
    this.#tries.add(cancellation);
    try {
      const response = await this.#services.upstream.send(this.#call(batch), cancellation);
      const answer = await readAll(response.body, maxAnswerBytes);
      return response.status >= 200 && response.status < 300 ? answer : this.#refusal(response);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      return { error: new StoreError("unreachable", reason, { cause }), mayPass: true, retryAfterMs: 0 };
    } finally {
      cancelTimer();
      this.#tries.delete(cancellation);
    }
  }

  /** From now on a batch that waits for its next try gets it at once, as its last. */
  hurry(): void {
    this.#isClosing = true;
    for (const wake of this.#pauses) wake();
  }

  /** Gives up what is under way. */
  end(): void {
    this.hurry();
    for (const cancellation of this.#tries) cancellation.cancel(new Error("the gateway stops"));
  }

  #call(batch: Uint8Array): UpstreamCall {
    const { connectTimeoutMs, endpoint, headers, readTimeoutMs, writeTimeoutMs } = this.#settings;
    return {
      origin: endpoint.origin,
      path: `${endpoint.pathname}${endpoint.search}`,
      method: "POST",
      headers: { "content-type": "application/x-protobuf", ...headers },
      body: batch,
      connectTimeoutMs,
      writeTimeoutMs,
      readTimeoutMs,
    };
  }

  #refusal({ headers, status }: UpstreamResponse): Refusal {
    const mayPass = status === 429 || (status >= 502 && status <= 504);
    const kind = status === 401 || status === 403 ? "denied" : mayPass ? "unreachable" : "unfit";
    return {
      error: new StoreError(kind, `it answers with status ${status}`),
      mayPass,
      retryAfterMs: retryAfterMs(headers, this.#services.wallClock) ?? 0,
    };
  }

  #pause(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        cancelTimer();
        this.#pauses.delete(wake);
        resolve();
      };
      const cancelTimer = this.#services.schedule(waitMs, wake);
      this.#pauses.add(wake);
    });
  }
}
