/** Entries for tests: one of everything, and any at all. */
import fc from "fast-check";
import type { LedgerAttempt, LedgerEntry } from "../entry.ts";

export const dayMs = 86_400_000;
/** 2026-11-28, midnight in UTC. */
export const midnight = Date.UTC(2026, 10, 28);

export function sampleId(number: number): string {
  return number.toString(16).padStart(32, "0");
}

export function sampleAttempt(changes: Partial<LedgerAttempt> = {}): LedgerAttempt {
  return {
    index: 0,
    provider: "acme",
    model: "small",
    target: "acme-small",
    tokens: { input: 10, output: 5, cachedRead: 3, cacheWrite: 2, reasoning: 1 },
    costNanoUsd: 1_500,
    priceSource: "config",
    isEstimated: false,
    failure: undefined,
    latencyMs: 12.345,
    ...changes,
  };
}

export function sampleEntry(number: number, changes: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    id: sampleId(number),
    timeMs: midnight + number,
    route: "chat",
    service: "models",
    consumer: "alice",
    pluginId: "p1",
    algorithm: "semantic",
    operation: "llm/v1/chat",
    mode: "oneshot",
    status: 200,
    outcome: "ok",
    decision: { reason: "matched", group: "Ünicode 🐈", distance: 0.1, threshold: 0.7, margin: 0.25 },
    routingCostNanoUsd: 20,
    latencyMs: 123.456,
    timeToFirstTokenMs: 7.001,
    cacheStatus: "Miss",
    arm: undefined,
    isEstimated: false,
    attempts: [sampleAttempt()],
    baselines: [
      { name: "cheapest", costNanoUsd: 100 },
      { name: "strongest", costNanoUsd: undefined },
    ],
    payload: undefined,
    ...changes,
  };
}

/** All that may be unknown is. */
export function bareEntry(number: number): LedgerEntry {
  const none = undefined;
  return sampleEntry(number, {
    route: none,
    service: none,
    consumer: none,
    pluginId: none,
    algorithm: none,
    operation: none,
    decision: none,
    routingCostNanoUsd: none,
    timeToFirstTokenMs: none,
    cacheStatus: none,
    outcome: "refused",
    status: 503,
    attempts: [],
    baselines: [],
  });
}

const maybe = <Value>(values: fc.Arbitrary<Value>) => fc.option(values, { nil: undefined });
/** Any text that a database keeps; the others are a test of their own. */
const anyText = fc.string({ unit: "grapheme", maxLength: 12 }).map((text) => text.replaceAll("\0", ""));
const anyName = fc.constantFrom("a", "b", "Größe", "x'y\"z", "");
const anyAmount = maybe(fc.oneof(fc.nat(1000), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })));
const anyMs = fc.nat(10_000_000).map((us) => us / 1000);
const anyDistance = maybe(fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0));

const anyAttempt = fc.record({
  provider: anyName,
  model: anyName,
  target: anyName,
  tokens: fc.record({
    input: anyAmount,
    output: anyAmount,
    cachedRead: anyAmount,
    cacheWrite: anyAmount,
    reasoning: anyAmount,
  }),
  costNanoUsd: anyAmount,
  priceSource: maybe(anyText),
  isEstimated: fc.boolean(),
  failure: maybe(anyText),
  latencyMs: maybe(anyMs),
});

/** Entries with ids and times of their own, over three days. */
export const anyEntries: fc.Arbitrary<readonly LedgerEntry[]> = fc
  .array(
    fc.record({
      timeMs: fc.integer({ min: midnight - dayMs, max: midnight + 2 * dayMs - 1 }),
      route: maybe(anyName),
      service: maybe(anyName),
      consumer: maybe(anyName),
      pluginId: maybe(anyText),
      algorithm: maybe(anyText),
      operation: maybe(anyText),
      mode: fc.constantFrom("oneshot", "stream"),
      status: fc.integer({ min: 100, max: 599 }),
      outcome: fc.constantFrom("ok", "failed", "aborted", "refused"),
      decision: maybe(
        fc.record({
          reason: anyText,
          group: maybe(anyText),
          distance: anyDistance,
          threshold: anyDistance,
          margin: anyDistance,
        }),
      ),
      routingCostNanoUsd: anyAmount,
      latencyMs: anyMs,
      timeToFirstTokenMs: maybe(anyMs),
      cacheStatus: maybe(anyText),
      arm: fc.constantFrom("holdout" as const, "routed" as const, undefined),
      isEstimated: fc.boolean(),
      attempts: fc
        .array(anyAttempt, { maxLength: 3 })
        .map((attempts) => attempts.map((attempt, index) => ({ ...attempt, index: 2 * index }))),
      baselines: fc
        .uniqueArray(fc.record({ name: anyName, costNanoUsd: anyAmount }), {
          maxLength: 3,
          selector: ({ name }) => name,
        })
        .map((baselines) => baselines.sort((a, b) => (a.name < b.name ? -1 : 1))),
      payload: maybe(anyText),
    }),
    { maxLength: 20 },
  )
  .map((entries) => entries.map((entry, number) => ({ ...entry, id: sampleId(number) })));
