/** What a scenario of the benchmark is, and the measures that several of them use. */
import { percentile } from "../statistics.ts";
import type { SimulationResult } from "./simulation.ts";

export interface Scenario {
  /** The algorithm's name. */
  readonly name: string;
  /** What happens in it, and what the columns are; Markdown. */
  readonly about: string;
  /** Deterministic: the same seed, the same report. */
  run(seed: number): ScenarioTable;
}

export interface ScenarioTable {
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The largest difference between what a target got and what its weight is worth, of all requests: 0…1. */
export function shareError(counts: readonly number[], weights: readonly number[]): number {
  const all = sum(counts);
  const weight = sum(weights);
  return weights.reduce(
    (worst, own, index) => Math.max(worst, Math.abs((counts[index] ?? 0) / all - own / weight)),
    0,
  );
}

/** Cells of the median and the tail, in milliseconds. */
export function latencyCells({ latenciesMs }: SimulationResult): readonly string[] {
  return [0.5, 0.99].map((share) => percentile(latenciesMs, share).toFixed(0));
}

/** 0.123 → `12.3 %`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.01 ? 2 : 1)} %`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
