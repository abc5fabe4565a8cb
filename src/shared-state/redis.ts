/** Reports through Redis, Valkey and their like: one short script tells, and gives what others have told since. */
import { createLink, type Link } from "../redis/link.ts";
import { checkRedis, redisOptions } from "../redis/options.ts";
import { settingsOf } from "../redis/settings.ts";
import { Contact } from "../telemetry/contact.ts";
import type { Schedule } from "../util/schedule.ts";
import { keysOf, type News, runScript, statePrefix } from "./redis/script.ts";
import {
  type ChannelHealth,
  type ChannelServices,
  defineChannel,
  type Listener,
  type Report,
  type ServerChannel,
} from "./state-channel.ts";

/** A process that has nothing to tell says so often that it lives, and one that is silent for so long has ended. Choices. */
const signOfLifeMs = 1_000;
const silenceMs = 5_000;

/** What the last report of a process is kept for, after its end. */
const keepMs = 3_600_000;

export const redis = defineChannel({
  name: "redis",
  summary: "Shares state among all gateways with the same config, through a Redis or Valkey server.",
  create(owner, options, services) {
    const [fault] = checkRedis(options.redis);
    if (fault !== undefined) throw new Error(`state.${fault.path.join(".")} ${fault.message}`);
    const settings = settingsOf(options.redis ?? redisOptions.parse({}), statePrefix);
    const link = createLink(settings, services.schedule);
    return new RedisChannel(owner, options.interval, link, settings.place, services);
  },
});

interface HeardOf {
  readonly number: number;
  readonly at: number;
}

class RedisChannel implements ServerChannel {
  readonly delayMs: number;
  readonly #owner: string;
  readonly #link: Link;
  readonly #now: () => number;
  readonly #schedule: Schedule;
  readonly #contact: Contact;
  readonly #stop = new AbortController();
  readonly #peers = new Map<string, HeardOf>();
  #listener: Listener | undefined;
  #report: Report | undefined;
  /** Of the last report that the server has. */
  #delivered = 0;
  #deliveredAt = Number.NEGATIVE_INFINITY;
  #writes = 0;
  /** How far the server's changes have been heard. */
  #position = 0;
  #isBusy = false;
  #isUrgent = false;
  #cancel: (() => void) | undefined;

  constructor(owner: string, intervalMs: number, link: Link, place: string, services: ChannelServices) {
    this.#owner = owner;
    this.delayMs = 2 * intervalMs; // one to tell, one to be heard
    this.#link = link;
    this.#now = services.now;
    this.#schedule = services.schedule;
    this.#contact = new Contact({
      what: "the server that shares state",
      meanwhile: "this process goes on with what it knows itself",
      place,
      log: services.log,
      now: services.now,
    });
  }

  open(listener: Listener): void {
    this.#listener = listener;
    this.#again(0);
  }

  tell(_owner: string, report: Report, isUrgent: boolean): void {
    this.#report = report;
    if (!isUrgent || this.#contact.state === "down") return;
    this.#isUrgent = true;
    if (!this.#isBusy) this.#again(0);
  }

  health(): ChannelHealth {
    const { place, state, reason, failures } = this.#contact;
    return { place, state, reason, failures, writes: this.#writes };
  }

  async probe(signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const { news } = await this.#run(undefined, 0, signal);
    return { processes: String(news.length) };
  }

  async forget(signal: AbortSignal): Promise<void> {
    await this.#link.call(signal, ({ connection }) =>
      connection.send(["DEL", ...keysOf(this.#owner)], signal),
    );
  }

  async close(): Promise<void> {
    this.#cancel?.();
    this.#listener = undefined;
    const report = this.#report;
    const isNew = report !== undefined && report.number !== this.#delivered;
    if (isNew && this.#contact.state === "up") {
      // What fails here is superseded soon: others notice the silence.
      await this.#run(report, this.#position, AbortSignal.timeout(closeMs)).catch(() => undefined);
    }
    this.#stop.abort(new Error("the channel is closed"));
    this.#link.close();
  }

  #again(delayMs: number): void {
    this.#cancel?.();
    this.#cancel = this.#schedule(delayMs, () => void this.#round());
  }

  /** Tells what is new, hears what is new, and sees to the next time. */
  async #round(): Promise<void> {
    if (this.#isBusy || this.#listener === undefined) return;
    this.#isBusy = true;
    this.#isUrgent = false;
    try {
      await this.#exchange();
      this.#contact.succeeded();
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#contact.failed(error);
    }
    this.#isBusy = false;
    this.#noticeSilence();
    if (this.#listener === undefined) return;
    if (this.#contact.state === "down") this.#again(this.#contact.retryInMs);
    else this.#again(this.#isUrgent ? 0 : this.delayMs / 2);
  }

  async #exchange(): Promise<void> {
    const startedAt = this.#now();
    const report = this.#isDue(startedAt) ? this.#report : undefined;
    const { position, news } = await this.#run(report, this.#position, this.#stop.signal);
    if (report !== undefined) {
      this.#delivered = report.number;
      this.#deliveredAt = startedAt;
      this.#writes++;
    }
    // The server has lost what it had: it is told again, and heard from the start.
    if (position < this.#position) this.#deliveredAt = Number.NEGATIVE_INFINITY;
    this.#position = position < this.#position ? 0 : position;
    for (const each of news) this.#hear(each);
  }

  #isDue(now: number): boolean {
    return this.#report?.number !== this.#delivered || now - this.#deliveredAt >= signOfLifeMs;
  }

  #run(report: Report | undefined, position: number, signal: AbortSignal) {
    return this.#link.call(signal, ({ connection }) =>
      runScript(connection, { owner: this.#owner, report, clock: this.#now(), position, keepMs }, signal),
    );
  }

  #hear({ report, clock, ageMs }: News): void {
    const now = this.#now();
    const known = this.#peers.get(report.peer);
    this.#peers.set(report.peer, { number: report.number, at: now - ageMs });
    const isFirst = known === undefined;
    this.#listener?.heard(this.#owner, { ...report, clockOffsetMs: now - ageMs - clock });
    if (isFirst && ageMs >= silenceMs) this.#lose(report.peer);
  }

  #noticeSilence(): void {
    const now = this.#now();
    for (const [peer, { at }] of this.#peers) if (now - at >= silenceMs) this.#lose(peer);
  }

  #lose(peer: string): void {
    this.#peers.delete(peer);
    this.#listener?.gone(this.#owner, peer);
  }
}

/** Somebody waits for the process to end. */
const closeMs = 500;
