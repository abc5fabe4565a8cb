/** Contract of the counters: what is asked before a call, and what is told after it. */
import type { WindowShape } from "./window.ts";

/** One count: of a policy's limit, for one caller. */
export interface Counter extends WindowShape {
  /** Equal for the same count in all processes. */
  readonly key: string;
}

/** What a request would add to a counter. Whole numbers: tokens, or pico-USD. */
export interface Claim {
  readonly counter: Counter;
  readonly limit: number;
  /** There is room while so much is left: 1, or the whole `amount`. */
  readonly needs: number;
  /** What the request is expected to use; 0 reserves nothing. */
  readonly amount: number;
  /** Counted also where the request is refused. */
  readonly isPenalty: boolean;
}

/** All that one request asks for, decided in one step. Claims are named by their place in `claims`. */
export interface Ask {
  /** Of different counters. */
  readonly claims: readonly Claim[];
  /** All of these must have room. */
  readonly required: readonly number[];
  /** Of these one must, e.g. one of several providers; one without a claim always has. */
  readonly alternatives: readonly (readonly number[])[];
}

export interface Decision {
  /** Then everything required is reserved, and everything of the alternatives that have room; else nothing is. */
  readonly isGranted: boolean;
  /** By alternative. */
  readonly hasRoom: readonly boolean[];
  /** By claim. */
  readonly states: readonly ClaimState[];
  /** The others' counts are those of the last contact. */
  readonly isLocal: boolean;
}

export interface ClaimState {
  /** Without this request. */
  readonly used: number;
  /** In which a reservation is counted, and its correction. */
  readonly window: number;
  /** Milliseconds: to the end of the window; where there is no room, until there is. */
  readonly resetAfterMs: number;
}

/** A correction of a reservation, or a charge without one. */
export interface Change {
  readonly counter: Counter;
  /** The reservation's; undefined: the one that runs now. */
  readonly window: number | undefined;
  readonly by: number;
}

export interface Counters {
  /** Before the first request; resolves when there is nothing more to wait for. */
  start?(): Promise<void>;
  /** A promise only where somebody has to be asked. Never rejects. */
  reserve(ask: Ask): Decision | Promise<Decision>;
  /** Returns at once. */
  change(changes: readonly Change[]): void;
  /** Only of counters with a server. */
  health?(): CountersHealth;
  /** Asks the server once, and says how many counters there are here. Rejects with a `StoreError`. */
  probe?(signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  close(): Promise<void>;
}

export interface CountersHealth {
  /** Place, without credentials. */
  readonly place: string;
  /** `unknown` until the first contact. */
  readonly state: "unknown" | "up" | "down";
  readonly reason: string | undefined;
  readonly failures: number;
  /** Contacts in which counts were told. */
  readonly writes: number;
}

/** Which claims of a decision are reserved. */
export function reservedBy(
  { alternatives, claims, required }: Ask,
  decision: DecisionFacts,
): readonly number[] {
  if (!decision.isGranted) return claims.flatMap(({ isPenalty }, at) => (isPenalty ? [at] : []));
  const open = alternatives.filter((_, at) => decision.hasRoom[at] === true);
  return [...new Set([...required, ...open.flat()])];
}

type DecisionFacts = Pick<Decision, "isGranted" | "hasRoom">;

/** The rule: a request is let in while what it needs is left. */
export function decide(ask: Ask, used: readonly number[]): DecisionFacts {
  const isOpen = (at: number) => hasRoom(ask.claims[at], used[at]);
  const open = ask.alternatives.map((claims) => claims.every(isOpen));
  return { isGranted: ask.required.every(isOpen) && open.includes(true), hasRoom: open };
}

export function hasRoom(claim: Pick<Claim, "limit" | "needs"> | undefined, used = 0): boolean {
  return claim !== undefined && used + claim.needs <= claim.limit;
}
