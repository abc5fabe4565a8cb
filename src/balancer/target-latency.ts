/** What is known of how fast a target answers, and what its next answer is expected to take. */
import { leftAfter } from "../util/decay.ts";
import { average, peakAverage } from "../util/ewma.ts";
import type { Outcome } from "./balancer.ts";
import { tellsOfTarget } from "./target-failure.ts";

/** e2e: milliseconds an answer takes · tpot: milliseconds per token of output. */
export type LatencyStrategy = "tpot" | "e2e";

/** Outlives a reload; of fixed size. "Latency" is in the unit of one strategy. */
export interface TargetLatency {
  /** Undefined until the first sample. */
  average: number | undefined;
  /** When an attempt last ended (at first: when the target was first seen), and the picks of any target since. */
  endedAt: number;
  turns: number;
  inFlight: number;
  /** When the attempts in flight began, added up. */
  beginnings: number;
  /** The fastest answer, slowly forgotten. */
  floor: number | undefined;
  /** How many attempts in flight it was seen to bear without being slowed. */
  ease: number;
  /** Output tokens an answer usually has. */
  tokens: number | undefined;
}

/** What has to be known of the outside to learn from an attempt. */
export interface LatencyContext {
  readonly now: number;
  readonly strategy: LatencyStrategy;
  /** What a failed attempt counts as having taken. */
  readonly penaltyMs: number;
  /** Stands in for the average of a target that has none. */
  readonly known: number;
}

/** The 10 s of Kong's `latency` balancer, over which an average forgets. */
const memoryMs = 10_000;

/**
 * At few requests per second 10 s would hold less than the noise of a sample, and each idle target would have its turn
 * between any two requests: an average lasts for 50 picks at least. In the simulation a target that is 1.5, 2, or 3 times
 * slower than the best then gets 5, 3, or 2 % at any rate, which is what Kong's FAQ says of the others.
 */
const memoryTurns = 50;

/**
 * A success is a peak beyond thrice the average. Answers of one model differ in time by a factor of 2–3 merely by what
 * was asked; if all of that counted at once, the target with the most traffic would have the most peaks, and the best
 * would get only some 60–70 % (simulated, log-normal, σ 0.8).
 */
const noiseMargin = 3;

/** Each failure makes the target look this much slower at once, until the penalty is reached. */
const failureFactor = 3;

/** For how long `floor` holds, about: ten times the average's memory. A guess. */
const floorMs = 10 * memoryMs;

/** Output tokens of an answer before any was seen, to put the penalty into the unit of tpot; a guess. */
const typicalTokens = 100;

/** The weight of the latest answer in `tokens`: it lasts for some 16 answers. A guess. */
const tokensKeep = 15 / 16;

export function createTargetLatency(now: number): TargetLatency {
  return {
    average: undefined,
    endedAt: now,
    turns: 0,
    inFlight: 0,
    beginnings: 0,
    floor: undefined,
    ease: 0,
    tokens: undefined,
  };
}

export function beginAttempt(latency: TargetLatency, now: number): void {
  latency.inFlight++;
  latency.beginnings += now;
}

/** Learns from an attempt that has ended. */
export function endAttempt(latency: TargetLatency, outcome: Outcome, context: LatencyContext): void {
  const load = Math.max(1, latency.inFlight);
  leave(latency, context.now - outcome.latencyMs);
  if (outcome.aborted) learnAtLeast(latency, outcome, context);
  else if (outcome.ok) learnAnswer(latency, outcome, context, load);
  else if (tellsOfTarget(outcome.failure)) learnFailure(latency, context);
  latency.endedAt = context.now;
  latency.turns = 0;
}

/**
 * What the next answer is expected to take: the average; less and less of it the longer the target is idle, so that it
 * is tried again; not less while attempts are in flight, so that one at a time tries; and as much as those in flight
 * have taken already, so that a target that hangs is left before the first timeout.
 */
export function expectedLatency(latency: TargetLatency, context: Omit<LatencyContext, "penaltyMs">): number {
  const value = latency.average ?? context.known;
  if (latency.inFlight === 0) return value * keptUntil(latency, context.now);
  return Math.max(value, ageInFlight(latency, context));
}

/**
 * By how much one more attempt is expected to slow the target: not at all up to the number that it was seen to bear at
 * ease, in proportion beyond (Finagle's PeakEwma counts every attempt in flight; where a vendor is not slowed by them,
 * that would take traffic from the best for nothing).
 */
export function crowding(latency: TargetLatency): number {
  return Math.max(1, (latency.inFlight + 1) / Math.max(1, latency.ease));
}

function leave(latency: TargetLatency, began: number): void {
  latency.inFlight = Math.max(0, latency.inFlight - 1);
  // The end that empties it also clears what rounding has left.
  latency.beginnings = latency.inFlight === 0 ? 0 : latency.beginnings - began;
}

function keptUntil(latency: TargetLatency, now: number): number {
  return leftAfter(Math.min((now - latency.endedAt) / memoryMs, latency.turns / memoryTurns), 1);
}

/** The mean age of what is in flight, which only a target that has become slow lets rise above its average. */
function ageInFlight(latency: TargetLatency, context: Pick<LatencyContext, "now" | "strategy">): number {
  const ageMs = context.now - latency.beginnings / latency.inFlight;
  return ageMs / unitOf(latency, context.strategy);
}

/** What a time is divided by to become a latency where its tokens are unknown: it may have had the usual number. */
function unitOf(latency: TargetLatency, strategy: LatencyStrategy): number {
  return strategy === "e2e" ? 1 : (latency.tokens ?? typicalTokens);
}

function learnAnswer(latency: TargetLatency, outcome: Outcome, context: LatencyContext, load: number): void {
  const tokens = context.strategy === "e2e" ? 1 : (outcome.usage?.outputTokens ?? 0);
  if (!(tokens > 0)) return; // no measure of the time per token
  learnSample(latency, outcome.latencyMs / tokens, tokens, context.now);
  learnEase(latency, outcome.latencyMs / tokens, load, context.now);
  latency.tokens = average(latency.tokens, tokens, tokensKeep);
}

/**
 * An answer of few tokens is mostly waiting for the first of them and says little of the time per token: it counts for
 * as much of a sample as it has of the usual tokens.
 */
function learnSample(latency: TargetLatency, sample: number, tokens: number, now: number): void {
  const next = peakAverage(latency.average, sample, keptUntil(latency, now), noiseMargin);
  const share = Math.min(1, tokens / (latency.tokens ?? tokens));
  latency.average = average(latency.average, next, 1 - share);
}

/**
 * As in Netflix's Gradient limit, of the attempts in flight as many were too many as the answer took longer than the
 * fastest: a fast answer among many raises what the target is seen to bear, and slow ones let that fade.
 */
function learnEase(latency: TargetLatency, sample: number, load: number, now: number): void {
  const forgotten = 1 / leftAfter(Math.min(1, (now - latency.endedAt) / floorMs), 1);
  latency.floor = Math.min(sample, (latency.floor ?? sample) * forgotten);
  const borne = sample > 0 ? (load * latency.floor) / sample : load;
  latency.ease = peakAverage(latency.ease, borne, keptUntil(latency, now));
}

/** The client left: the whole would have taken at least that long, so the average may rise but never falls. */
function learnAtLeast(latency: TargetLatency, outcome: Outcome, context: LatencyContext): void {
  const counted = context.strategy === "e2e" ? 1 : (outcome.usage?.outputTokens ?? 0);
  const tokens = counted > 0 ? counted : unitOf(latency, context.strategy);
  const bound = outcome.latencyMs / tokens;
  if (bound > (latency.average ?? context.known)) learnSample(latency, bound, tokens, context.now);
}

function learnFailure(latency: TargetLatency, context: LatencyContext): void {
  const penalty = context.penaltyMs / unitOf(latency, context.strategy);
  const known = latency.average ?? penalty;
  const next = average(known, penalty, keptUntil(latency, context.now));
  latency.average = Math.max(known, next, Math.min(penalty, known * failureFactor));
}
