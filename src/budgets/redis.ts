/** Counters that several gateways share through Redis, Valkey and their like. */
import { createLink, type Link } from "../redis/link.ts";
import type { RedisSettings } from "../redis/settings.ts";
import { Contact } from "../telemetry/contact.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Schedule } from "../util/schedule.ts";
import type { Ask, Change, Counter, Counters, CountersHealth, Decision } from "./counters.ts";
import { Counts, type Entry } from "./counts.ts";
import { redisOwnerOf, runScript, type ScriptCall, type ScriptResult } from "./redis/script.ts";
import { emptyTally } from "./window.ts";

export interface RedisCountersOptions {
  /** Whose counters they are: those of all with the same one are shared. */
  readonly namespace: string;
  readonly settings: RedisSettings;
  /** How often counts are exchanged, in milliseconds; 0: with every request, which waits for it. */
  readonly syncMs: number;
  /** How long a request waits for the server's decision before it is made here, in milliseconds. */
  readonly waitMs: number;
}

export interface RedisCountersServices {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  readonly schedule: Schedule;
  readonly log: Logger;
  /** A name for this process's counts: no two that ever lived share it. */
  readonly peer: string;
}

/** A burst of corrections becomes one call. A choice, as for the state of targets. */
const gatherMs = 20;

/** So many requests are decided and so many counters told in one call: choices that keep the script below a millisecond. */
const mostAsks = 64;
const mostTold = 256;

/** How long a start waits for the server. A choice. */
const startMs = 1_000;

/** Sent where there is nothing else: a proxy, or a cluster, needs a key to know where to send it. */
const nothingYet: Counter = { key: "none", sizeMs: 60_000, isSliding: false };

/** For the last counts at the end. */
const closeMs = 1_000;

export function redisCounters(options: RedisCountersOptions, services: RedisCountersServices): Counters {
  return new RedisCounters(options, services);
}

interface Waiting {
  readonly ask: Ask;
  resolve(decision: Decision): void;
  isAnswered: boolean;
}

/**
 * One call at a time, which carries all requests that wait and all counts that have changed. Requests that come meanwhile
 * go with the next. While the server is away, or late, requests are decided by what is known here; what they use is in
 * this process's counts, of which the server is told as a whole when it is back.
 */
class RedisCounters implements Counters {
  readonly #options: RedisCountersOptions;
  readonly #services: RedisCountersServices;
  readonly #owner: string;
  readonly #link: Link;
  readonly #contact: Contact;
  readonly #counts: Counts;
  readonly #stop = new AbortController();
  /** Counters of which the server does not know all that is counted here. */
  readonly #untold = new Map<string, Counter>();
  readonly #waiting: Waiting[] = [];
  #isBusy = false;
  /** The call under way takes longer than a request waits. */
  #isLate = false;
  #cancel: (() => void) | undefined;
  #cancelSync: (() => void) | undefined;
  /** The server's clock, less ours. */
  #clockOffsetMs = 0;
  #writes = 0;

  constructor(options: RedisCountersOptions, services: RedisCountersServices) {
    this.#options = options;
    this.#services = services;
    this.#owner = redisOwnerOf(options.namespace);
    this.#link = createLink(options.settings, services.schedule);
    this.#counts = new Counts({ onChange: ({ counter }) => void this.#untold.set(counter.key, counter) });
    this.#contact = new Contact({
      what: "the server that counts budgets",
      meanwhile: "each gateway counts for itself, and adds that to the server's counts when it is back",
      place: options.settings.place,
      log: services.log,
      now: services.now,
    });
  }

  async start(): Promise<void> {
    this.#syncLater();
    const { schedule } = this.#services;
    // So that the first request finds a connection. Where there is none, requests are served all the same.
    await new Promise<void>((resolve) => {
      const cancel = schedule(startMs, resolve);
      void this.#round().then(() => {
        cancel();
        resolve();
      });
    });
  }

  reserve(ask: Ask): Decision | Promise<Decision> {
    if (this.#options.syncMs > 0) {
      // Of a counter that is new here, what the others have counted is asked at once.
      const isNew = ask.claims.some(({ counter }) => this.#counts.find(counter.key) === undefined);
      const isDown = this.#contact.state === "down";
      const decision = this.#decideHere(ask, isDown);
      if (isNew && !isDown) this.#again(0);
      return decision;
    }
    if (this.#isLate || this.#contact.state === "down") return this.#decideHere(ask, true);
    return new Promise((resolve) => {
      this.#waiting.push({ ask, resolve, isAnswered: false });
      if (!this.#isBusy) void this.#round();
    });
  }

  change(changes: readonly Change[]): void {
    this.#counts.change(changes, this.#time());
    if (this.#options.syncMs === 0) this.#tellSoon();
  }

  health(): CountersHealth {
    const { failures, place, reason, state } = this.#contact;
    return { place, state, reason, failures, writes: this.#writes };
  }

  async probe(signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    await this.#run({ counters: [], asks: [], isEnding: false }, signal);
    return { counters: String(this.#counts.size) };
  }

  async close(): Promise<void> {
    this.#cancel?.();
    this.#cancelSync?.();
    // What fails here stays counted as it was told last.
    if (this.#contact.state === "up")
      await this.#handOver(AbortSignal.timeout(closeMs)).catch(() => undefined);
    this.#stop.abort(new Error("the counters are closed"));
    this.#link.close();
    this.#answerHere(this.#waiting.splice(0));
  }

  #time(): number {
    return this.#services.wallClock() + this.#clockOffsetMs;
  }

  #decideHere(ask: Ask, isLocal: boolean): Decision {
    const decision = this.#counts.reserve(ask, this.#time(), isLocal);
    if (this.#options.syncMs === 0) this.#tellSoon();
    return decision;
  }

  #answerHere(waiting: readonly Waiting[]): void {
    for (const each of waiting) {
      if (each.isAnswered) continue;
      each.isAnswered = true;
      each.resolve(this.#decideHere(each.ask, true));
    }
  }

  #tellSoon(): void {
    if (this.#cancel !== undefined || this.#isBusy || this.#stop.signal.aborted) return;
    if (this.#contact.state !== "down") this.#again(gatherMs);
  }

  #again(delayMs: number): void {
    this.#cancel?.();
    this.#cancel = this.#services.schedule(delayMs, () => {
      this.#cancel = undefined;
      void this.#round();
    });
  }

  /** With `sync_rate`: everything that counts here is exchanged, changed or not, since others change it too. */
  #syncLater(): void {
    const { syncMs } = this.#options;
    if (syncMs === 0 || this.#stop.signal.aborted) return;
    this.#cancelSync = this.#services.schedule(syncMs, () => {
      for (const { counter } of this.#counts.entries()) this.#untold.set(counter.key, counter);
      if (!this.#isBusy && this.#contact.state !== "down") void this.#round();
      this.#syncLater();
    });
  }

  async #round(): Promise<void> {
    if (this.#isBusy || this.#stop.signal.aborted) return;
    this.#isBusy = true;
    const asked = this.#waiting.splice(0, mostAsks);
    const { schedule } = this.#services;
    let cancelWait = schedule(this.#options.waitMs, () => {
      // A busy process may have the reply already and not have read it: it gets one more turn.
      cancelWait = schedule(1, () => {
        this.#isLate = true;
        this.#answerHere([...asked, ...this.#waiting.splice(0)]);
      });
    });
    try {
      await this.#exchange(asked, this.#stop.signal);
      this.#contact.succeeded();
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#contact.failed(error);
      this.#answerHere([...asked, ...this.#waiting.splice(0)]);
    }
    cancelWait();
    this.#isLate = false;
    this.#isBusy = false;
    this.#goOn();
  }

  #goOn(): void {
    if (this.#stop.signal.aborted) return;
    if (this.#contact.state === "down") this.#again(this.#contact.retryInMs);
    else if (this.#waiting.length > 0) void this.#round();
    else if (this.#untold.size > 0 && this.#options.syncMs === 0) this.#tellSoon();
    else if (this.#untold.size >= mostTold) this.#again(0);
  }

  /** Tells the rest, then leaves the counts to the server, so that restarts do not add entries to be read each time. */
  async #handOver(signal: AbortSignal): Promise<void> {
    while (this.#untold.size > 0) await this.#exchange([], signal);
    const entries = [...this.#counts.entries()];
    for (let at = 0; at < entries.length; at += mostTold) {
      const counters = entries.slice(at, at + mostTold);
      await this.#run({ counters, asks: [], isEnding: true }, signal);
    }
  }

  async #exchange(asked: readonly Waiting[], signal: AbortSignal): Promise<void> {
    const counters = this.#countersFor(asked);
    const entries = counters.map((counter) => this.#counts.entryOf(counter, this.#time()));
    const told = entries.map(({ counter, own }) => ({ counter, own }));
    for (const { counter } of told) this.#untold.delete(counter.key);
    let result: ScriptResult;
    try {
      result = await this.#run(
        { counters: told, asks: asked.map(({ ask }) => ask), isEnding: false },
        signal,
      );
    } catch (error) {
      for (const { counter } of told) this.#untold.set(counter.key, counter);
      throw error;
    }
    this.#clockOffsetMs = result.atMs - this.#services.wallClock();
    if (told.length > 0) this.#writes++;
    this.#hear(entries, result);
    this.#answer(asked, result);
  }

  #countersFor(asked: readonly Waiting[]): readonly Counter[] {
    const counters = new Map<string, Counter>();
    for (const { ask } of asked) for (const { counter } of ask.claims) counters.set(counter.key, counter);
    for (const [key, counter] of this.#untold) {
      if (counters.size >= mostTold) break;
      counters.set(key, counter);
    }
    return [...counters.values()];
  }

  #hear(entries: readonly Entry[], { others }: ScriptResult): void {
    for (const [at, entry] of entries.entries()) {
      const tally = others[at];
      if (tally !== undefined) entry.others = [tally];
    }
  }

  #answer(asked: readonly Waiting[], { atMs, decisions }: ScriptResult): void {
    for (const [at, waiting] of asked.entries()) {
      const { ask } = waiting;
      const decision = decisions[at];
      if (waiting.isAnswered) {
        // Decided here meanwhile: the server's count of it gives way to ours.
        for (const { counter } of ask.claims) this.#untold.set(counter.key, counter);
      } else if (decision === undefined) this.#answerHere([waiting]);
      else {
        const { used, ...facts } = decision;
        const states = this.#counts.statesOf(ask, used, atMs);
        this.#counts.take(ask, facts, atMs); // the server has counted that itself
        waiting.isAnswered = true;
        waiting.resolve({ ...facts, states, isLocal: false });
      }
    }
  }

  #run(call: Pick<ScriptCall, "counters" | "asks" | "isEnding">, signal: AbortSignal): Promise<ScriptResult> {
    const { peer } = this.#services;
    const counters = call.counters.length > 0 ? call.counters : [{ counter: nothingYet, own: emptyTally }];
    return this.#link.call(signal, ({ connection }) =>
      runScript(connection, { owner: this.#owner, peer, ...call, counters }, signal),
    );
  }
}
