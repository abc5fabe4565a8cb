/** How an outside part is doing, as far as the last contact told; says in the log when that changes. */
import { StoreError } from "../util/store-error.ts";
import type { Logger } from "./logger.ts";

export interface ContactOptions {
  /** What it is, as a sentence begins with it: `the vector store`. */
  readonly what: string;
  /** What is said of it once it fails, and once that is over. Default: it `is away`, it `answers again`. */
  readonly words?: { readonly down: string; readonly up: string };
  /** What happens while it is away: `routing goes on with the vectors in memory`. */
  readonly meanwhile: string;
  /** Where it is, without credentials. */
  readonly place: string;
  readonly log: Logger;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

const ofServers = { down: "is away", up: "answers again" };

/** Waits between tries while it is away: doubled from the first to the last. */
const firstRetryMs = 1_000;
const lastRetryMs = 30_000;

export class Contact {
  readonly #options: ContactOptions;
  #state: "unknown" | "up" | "down" = "unknown";
  #reason: string | undefined;
  #kind: string | undefined;
  #downSince = 0;
  #triesWhileDown = 0;
  #failures = 0;

  constructor(options: ContactOptions) {
    this.#options = options;
  }

  get place(): string {
    return this.#options.place;
  }

  /** `unknown` until the first contact. */
  get state(): "unknown" | "up" | "down" {
    return this.#state;
  }

  /** Why it is down; without credentials. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Contacts that failed. */
  get failures(): number {
    return this.#failures;
  }

  /** How long to wait before the next try, while it is down, in milliseconds. */
  get retryInMs(): number {
    return Math.min(lastRetryMs, firstRetryMs * 2 ** Math.max(0, this.#triesWhileDown - 1));
  }

  succeeded(): void {
    const { what, words = ofServers, place, log, now } = this.#options;
    if (this.#state === "down")
      log.info(`${what} ${words.up}`, { place, awayMs: Math.round(now() - this.#downSince) });
    this.#state = "up";
    this.#reason = undefined;
    this.#triesWhileDown = 0;
  }

  /** Told once for each reason, not at every try. */
  failed(error: unknown): void {
    const { what, words = ofServers, meanwhile, place, log, now } = this.#options;
    const reason = error instanceof Error ? error.message : String(error);
    const kind = error instanceof StoreError ? error.kind : "unexpected";
    this.#failures++;
    this.#triesWhileDown++;
    if (this.#state !== "down") {
      this.#downSince = now();
      log.warn(`${what} ${words.down}; ${meanwhile}`, { place, reason });
    } else if (kind !== this.#kind) {
      log.warn(`${what} is still away, now for another reason`, { place, reason });
    }
    this.#state = "down";
    this.#reason = reason;
    this.#kind = kind;
  }
}
