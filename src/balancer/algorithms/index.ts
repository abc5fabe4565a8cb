/** The algorithms of this build. Adding one: its file and a line here. */
import type { BalancerDefinition } from "../balancer.ts";
import { consistentHashing } from "./consistent-hashing.ts";
import { leastConnections } from "./least-connections.ts";
import { lowestLatency } from "./lowest-latency.ts";
import { lowestUsage } from "./lowest-usage.ts";
import { priority } from "./priority.ts";
import { roundRobin } from "./round-robin.ts";
import { semantic } from "./semantic.ts";

export const algorithms: readonly BalancerDefinition[] = [
  roundRobin,
  consistentHashing,
  leastConnections,
  lowestLatency,
  lowestUsage,
  priority,
  semantic,
];

/** The algorithm of that name, or undefined. */
export function findAlgorithm(name: string): BalancerDefinition | undefined {
  return algorithms.find((algorithm) => algorithm.name === name);
}
