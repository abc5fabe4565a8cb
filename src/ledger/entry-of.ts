/** The entry of an exchange with a model: what its record and its facts tell, as the ledger keeps it. */
import { toPicoUsd } from "../accounting/money.ts";
import type { AiFacts, AttemptSpend, TriedTarget } from "../llm/ai-facts.ts";
import type { RoutingDecision } from "../llm/routing-decision.ts";
import type { AccessRecord } from "../telemetry/access-record.ts";
import type {
  LedgerAttempt,
  LedgerBaseline,
  LedgerDecision,
  LedgerEntry,
  LedgerOutcome,
  NanoUsd,
} from "./entry.ts";

/** Made once, after the last byte, when all tokens are counted. */
export function entryOf(record: AccessRecord, facts: AiFacts): LedgerEntry {
  const { decision, tried } = facts;
  const payload = record.ai?.proxy.payload;
  return {
    id: record.request.id,
    timeMs: record.started_at,
    route: record.route?.name,
    service: record.service?.name,
    consumer: record.consumer?.username ?? record.consumer?.custom_id ?? record.consumer?.id,
    pluginId: facts.pluginId,
    algorithm: facts.algorithm,
    operation: facts.routeType,
    mode: facts.mode,
    status: record.response.status,
    outcome: outcomeOf(record, facts),
    decision: decision === undefined ? undefined : decisionOf(decision),
    routingCostNanoUsd: routingCostOf(decision),
    latencyMs: record.latencies.request,
    timeToFirstTokenMs: facts.timeToFirstTokenMs,
    arm: facts.isHeldOut === undefined ? undefined : facts.isHeldOut ? "holdout" : "routed",
    isEstimated: tried.some(({ spend }) => spend?.usage.estimated === true),
    attempts: attemptsOf(tried),
    baselines: (facts.baselines ?? []).map(baselineOf),
    // The record's, which has no secrets in it.
    payload: payload === undefined ? undefined : JSON.stringify(payload),
  };
}

function outcomeOf(record: AccessRecord, { tried, streamError }: AiFacts): LedgerOutcome {
  if (record.client_aborted === true) return "aborted";
  if (tried.length === 0) return "refused";
  const isGood = record.response.status < 400 && streamError === undefined && record.error === undefined;
  return isGood ? "ok" : "failed";
}

function decisionOf({ reason, groups, threshold, margin }: RoutingDecision): LedgerDecision {
  const [nearest] = groups;
  return {
    reason,
    group: reason === "matched" ? nearest?.description : undefined,
    distance: nearest?.distance,
    threshold,
    margin,
  };
}

/** Nothing was embedded: routing was free. Embedded, and nobody knows what that cost: unknown. */
function routingCostOf(decision: RoutingDecision | undefined): NanoUsd | undefined {
  const embedding = decision?.embedding;
  return embedding === undefined ? 0 : nanoOf(embedding.costUsd);
}

/** Those that may have cost something, and the one that ended the exchange. */
function attemptsOf(tried: readonly TriedTarget[]): readonly LedgerAttempt[] {
  const attempts: LedgerAttempt[] = [];
  for (const [index, each] of tried.entries())
    if (each.spend !== undefined || !wasFree(each) || index === tried.length - 1)
      attempts.push(attemptOf(each, index));
  return attempts;
}

/** Nothing was sent, or the vendor has refused: then nobody bills it. What was sent and lost may have been billed. */
function wasFree({ status, failure }: TriedTarget): boolean {
  return (status !== undefined && status >= 400) || (failure !== undefined && notSent.has(failure));
}

const notSent: ReadonlySet<string> = new Set([
  "refused",
  "unreachable",
  "dns",
  "tls",
  "connect_timeout",
  "not_sent",
]);

function attemptOf(tried: TriedTarget, index: number): LedgerAttempt {
  const { spend, provider, model, failure, latency_ms } = tried;
  return {
    index,
    provider,
    model,
    target: `${provider}/${model}`,
    tokens: tokensOf(spend),
    costNanoUsd: spend === undefined ? (wasFree(tried) ? 0 : undefined) : nanoOf(spend.costUsd),
    priceSource: spend?.priceSource,
    isEstimated: spend?.usage.estimated === true,
    failure,
    latencyMs: latency_ms,
  };
}

function tokensOf(spend: AttemptSpend | undefined): LedgerAttempt["tokens"] {
  if (spend === undefined) return {};
  const { usage } = spend;
  return {
    input: usage.inputTokens,
    output: usage.outputTokens,
    cachedRead: usage.cachedInputTokens,
    cacheWrite: usage.cacheWriteTokens,
    reasoning: usage.reasoningTokens,
  };
}

function baselineOf({
  name,
  costPicoUsd,
}: {
  name: string;
  costPicoUsd: number | undefined;
}): LedgerBaseline {
  return { name, costNanoUsd: costPicoUsd === undefined ? undefined : Math.round(costPicoUsd / picoPerNano) };
}

function nanoOf(usd: number | undefined): NanoUsd | undefined {
  return usd === undefined ? undefined : Math.round(toPicoUsd(usd) / picoPerNano);
}

const picoPerNano = 1_000;
