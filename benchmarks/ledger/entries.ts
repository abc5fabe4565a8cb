/** Entries as a busy gateway records them: one attempt, a decision, three baselines. */
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import { createIdSource } from "../../src/util/ids.ts";

/** Each has an id of its own, also across runs. */
export function createEntries(): () => LedgerEntry {
  const nextId = createIdSource();
  const startMs = Date.now();
  let count = 0;
  return () => {
    const number = count++;
    return {
      id: nextId(),
      timeMs: startMs + number,
      route: "anything",
      service: "models",
      consumer: `team-${number % 20}`,
      pluginId: "3d2f8c1e-7a54-4f0e-9c0b-2f6c7c9a1b10",
      algorithm: "semantic",
      operation: "llm/v1/chat",
      mode: number % 2 === 0 ? "stream" : "oneshot",
      status: 200,
      outcome: "ok",
      decision: {
        reason: "matched",
        group: "Specialist in python",
        distance: 0.31,
        threshold: 0.7,
        margin: 0.12,
      },
      routingCostNanoUsd: 0,
      latencyMs: 812.345,
      timeToFirstTokenMs: 211.5,
      arm: undefined,
      isEstimated: false,
      attempts: [
        {
          index: 0,
          provider: "openai",
          model: "gpt-4o-mini",
          target: "gpt-4o-mini",
          tokens: { input: 900 + (number % 100), output: 250, cachedRead: 512, cacheWrite: 0, reasoning: 0 },
          costNanoUsd: 285_000,
          priceSource: "config",
          isEstimated: false,
          latencyMs: 800.1,
        },
      ],
      baselines: [
        { name: "strongest", costNanoUsd: 4_750_000 },
        { name: "cheapest", costNanoUsd: 285_000 },
        { name: "target:gpt-3.5-turbo", costNanoUsd: 825_000 },
      ],
    };
  };
}
