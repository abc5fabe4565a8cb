/** An explanation in words, for people. */
import type { Explained } from "../admin/explain.ts";
import type { TargetStatus } from "../balancer/pool.ts";
import type { RoutingDecision } from "../llm/routing-decision.ts";
import { table } from "./terminal.ts";

/** What was decided and why: of one plugin among several with its id, so that they can be told apart. */
export function decisionInWords(explanation: Explained, isOneOfSeveral: boolean): string {
  const { plugin, pluginId, algorithm, decision, target, error, worker } = explanation;
  const name = isOneOfSeveral ? `${plugin} ${pluginId}` : plugin;
  return [
    `${name} (${algorithm})`,
    ...(decision === undefined ? [] : decisionLines(decision)),
    target === undefined
      ? `target     none${error === undefined ? "" : `: ${error.status} ${error.message}`}`
      : `target     ${target}`,
    ...(worker === undefined ? [] : [`decided by worker ${worker}`]),
  ].join("\n");
}

/** How the targets are doing, as a table. */
export function targetsInWords(targets: readonly TargetStatus[]): string {
  const head = ["  targets", "weight", "state", "in flight", "scores"];
  const rows = targets.map(({ name, weight, inFlight, scores, ...status }) => [
    `  ${name}`,
    String(weight),
    stateInWords(status),
    String(inFlight),
    Object.entries(scores)
      .map(([score, value]) => `${score} ${shortNumber(value)}`)
      .join(", "),
  ]);
  return table([head, ...rows], [1, 3]);
}

/** May it be used, and if not, why and until when. The health check goes first: it also rules a closed breaker out. */
function stateInWords({
  breaker,
  failures,
  retryInMs,
  healthy,
}: Pick<TargetStatus, "breaker" | "failures" | "retryInMs" | "healthy">): string {
  if (healthy === false) return "unhealthy";
  const failed = failures === 0 ? "" : `, ${failures} ${failures === 1 ? "failure" : "failures"}`;
  if (breaker === "open") return `open${failed}, retry in ${duration(retryInMs)}`;
  if (breaker === "half-open") return `half-open${failed}`;
  if (retryInMs > 0) return `asked to be left alone for ${duration(retryInMs)}`;
  return `in use${failed}`;
}

/** Rounded up, so that a wait that has not ended is never 0. */
function duration(ms: number): string {
  return ms < 10_000 ? `${(Math.ceil(ms / 100) / 10).toFixed(1)} s` : `${Math.ceil(ms / 1000)} s`;
}

/** Whole numbers as they are, others to four digits. */
function shortNumber(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return String(Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(4)));
}

function decisionLines(decision: RoutingDecision): readonly string[] {
  const { groups, threshold, metric, margin, reason, detail, embedding } = decision;
  const rows = groups.map(({ description, targets, distance, within }) => [
    `  ${distance.toFixed(4)}`,
    within ? "within" : "beyond",
    JSON.stringify(description),
    targets.join(", "),
  ]);
  return [
    ...(rows.length > 0 ? ["candidates (distance, nearest first)", table(rows)] : []),
    ...(threshold === undefined ? [] : [`threshold  ${threshold} (${metric})`]),
    ...(margin === undefined ? [] : [`margin     ${margin.toFixed(4)} to the runner-up`]),
    ...(embedding === undefined
      ? []
      : [`embedding  ${embedding.model}, ${embedding.latencyMs.toFixed(2)} ms`]),
    `why        ${reason}: ${detail ?? reasons[reason]}`,
  ];
}

const reasons: Readonly<Record<RoutingDecision["reason"], string>> = {
  matched: "the nearest group is within the threshold",
  catchall: "no group is within the threshold, so CATCHALL takes it",
  fallback: "no embedding could be had",
  no_match: "no group is within the threshold and there is no CATCHALL",
  balanced: "this algorithm does not look at the prompt",
  only: "there is one group to choose from",
  holdout: "sent to the baseline, to measure what routing saves",
};
