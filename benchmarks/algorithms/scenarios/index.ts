/** The scenarios in the order of the report. Adding one: its file and a line here. */
import type { Scenario } from "../scenario.ts";
import { consistentHashingScenario } from "./consistent-hashing.ts";
import { leastConnectionsScenario } from "./least-connections.ts";
import { lowestLatencyScenario } from "./lowest-latency.ts";
import { lowestUsageScenario } from "./lowest-usage.ts";
import { priorityScenario } from "./priority.ts";
import { processesScenario } from "./processes.ts";
import { roundRobinScenario } from "./round-robin.ts";

export const scenarios: readonly Scenario[] = [
  roundRobinScenario,
  consistentHashingScenario,
  leastConnectionsScenario,
  lowestLatencyScenario,
  lowestUsageScenario,
  priorityScenario,
  processesScenario,
];
