/** Contract of the channel family: how processes that serve the same config tell each other of their targets. */
import type { Logger } from "../telemetry/logger.ts";
import type { Schedule } from "../util/schedule.ts";
import type { StateOptions } from "./options.ts";

/** What one process has to tell of one owner's targets; each takes the place of the one before. */
export interface Report {
  /** Of the process: no two that ever lived share it. */
  readonly peer: string;
  /** Grows with every report of a peer. */
  readonly number: number;
  /** JSON of `TargetMemories.tell`. */
  readonly rows: string;
}

/** A report of another process. */
export interface HeardReport extends Report {
  /** To be added to a time in it, to have it by this process's clock, in milliseconds. */
  readonly clockOffsetMs: number;
}

/** What a channel does with what it hears. */
export interface Listener {
  /** A new report, or one more sign that its process lives. */
  heard(owner: string, report: HeardReport): void;
  /** A process has ended, or is not heard of any more. */
  gone(owner: string, peer: string): void;
}

export interface StateChannel {
  /** How late others usually hear of a change that is not urgent, at most, in milliseconds. */
  readonly delayMs: number;
  /** Begins to listen. Called once, before anything is told. */
  open(listener: Listener): void;
  /** Hands a report over; returns at once and never throws. What cannot be delivered gives way to the next one. */
  tell(owner: string, report: Report, isUrgent: boolean): void;
  /** Delivers the last report as far as that is possible without delay, and stops. */
  close(): Promise<void>;
}

/** How a channel is doing, as far as the last contact told. */
export interface ChannelHealth {
  /** Place, without credentials. */
  readonly place: string;
  /** `unknown` until the first contact. */
  readonly state: "unknown" | "up" | "down";
  readonly reason: string | undefined;
  readonly failures: number;
  /** Reports delivered. */
  readonly writes: number;
}

/** A channel through a server. */
export interface ServerChannel extends StateChannel {
  health(): ChannelHealth;
  /** Does once what it does all the time, and says what it found. Rejects with a `StoreError`. */
  probe(signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /** Removes what all processes have told of the owner. Rejects with a `StoreError`. */
  forget(signal: AbortSignal): Promise<void>;
}

/** What a channel may use of the world. */
export interface ChannelServices {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly schedule: Schedule;
  readonly log: Logger;
}

export interface ChannelDefinition {
  /** The value of `state.strategy`. */
  readonly name: string;
  /** One sentence; the reference page starts with it. */
  readonly summary: string;
  /** Throws an `Error` that names the setting when the config cannot work. Does no I/O. */
  create(owner: string, options: StateOptions, services: ChannelServices): ServerChannel;
}

/** Declares a member of the family; exists so that a typo in a definition is a compile error. */
export function defineChannel(definition: ChannelDefinition): ChannelDefinition {
  return definition;
}
