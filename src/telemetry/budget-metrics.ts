/** Metrics of what callers may use and have used. */
import type { BudgetFacts } from "../llm/budget-facts.ts";
import type { MetricRegistry } from "./prometheus.ts";

export function createBudgetMetrics(registry: MetricRegistry): (route: string, budget: BudgetFacts) => void {
  const requests = registry.counter(
    "sluice_budget_requests_total",
    "Requests to which a budget applied: within it, shifted to the cheapest target (soft), or refused (exceeded)",
    ["route", "outcome"],
  );
  const charged = registry.counter(
    "sluice_budget_charged_total",
    "What was counted, in tokens, or in USD for the strategy cost",
    ["route", "policy", "strategy", "window_size"],
  );
  const local = registry.counter(
    "sluice_budget_local_decisions_total",
    "Decisions without the counts of other gateways, because the server that has them was away or late",
    ["route"],
  );
  return (route, { counters, limits, outcome }) => {
    requests.with(route, outcome).add(1);
    if (counters === "local") local.with(route).add(1);
    for (const { charged: amount = 0, policy, strategy, window_size } of limits)
      if (amount > 0) charged.with(route, policy, strategy, String(window_size)).add(amount);
  };
}
