/** lowest-latency with attempts that begin and end as a test says. */
import { lowestLatency } from "../../src/balancer/algorithms/lowest-latency.ts";
import type { BalancerSettings, Outcome, Target } from "../../src/balancer/balancer.ts";
import {
  createBalanceRequest,
  createBalancerServices,
  createFakeMemory,
  createTargets,
  defaultSettings,
} from "./balancing.ts";

export const e2e: Partial<BalancerSettings> = { latencyStrategy: "e2e" };
export const ok = (latencyMs: number): Outcome => ({ ok: true, latencyMs });
export const wrote = (latencyMs: number, outputTokens: number, inputTokens = 5): Outcome => ({
  ok: true,
  latencyMs,
  usage: { inputTokens, outputTokens },
});
export const failed = (failure: NonNullable<Outcome["failure"]>, latencyMs = 1): Outcome => ({
  ok: false,
  failure,
  latencyMs,
});

/** A balancer with a clock that its attempts move on. */
export function startLatency(
  targets: readonly Target[],
  settings: Partial<BalancerSettings> = e2e,
  memory = createFakeMemory(),
) {
  let time = 0;
  const services = createBalancerServices({ now: () => time, memory });
  const balancer = lowestLatency.create({ ...defaultSettings, ...settings }, targets, services);
  const request = createBalanceRequest();
  const at = (index: number) => targets[index] as Target; // the tests name targets that they made

  const pick = () => balancer.pick(targets, request)?.index ?? -1;
  const begin = (index: number) => balancer.started?.(at(index), request);
  /** As a lone attempt goes: begun, and ended when its time has passed. */
  function run(index: number, outcome: Outcome): void {
    begin(index);
    time += outcome.latencyMs;
    balancer.observe?.(at(index), outcome);
  }
  return {
    balancer,
    pick,
    run,
    begin,
    end: (index: number, outcome: Outcome) => balancer.observe?.(at(index), outcome),
    pass: (ms: number) => {
      time += ms;
    },
    pickAndBegin: () => {
      const index = pick();
      begin(index);
      return index;
    },
    about: (index: number) => balancer.describeTarget?.(at(index)) ?? {},
  };
}

export const two = createTargets([{}, {}]);
export const three = createTargets([{}, {}, {}]);
