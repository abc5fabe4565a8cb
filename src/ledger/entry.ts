/** What the ledger keeps of one exchange: who asked, what was chosen, what it cost, and what it would have cost. */

/** Billionths of a US dollar, whole: sums are exact in any order. Undefined stands for unknown, never for nothing. */
export type NanoUsd = number;

/** `ok`: answered · `failed`: no target answered · `aborted`: the client left · `refused`: never sent anywhere. */
export type LedgerOutcome = "ok" | "failed" | "aborted" | "refused";

/** `holdout`: sent to the baseline · `routed`: went where routing sent it, though it might have been held out. */
export type LedgerArm = (typeof arms)[number];

export const arms = ["holdout", "routed"] as const;

/** Why the target was chosen, as the access record tells it. Numbers are distances. */
export interface LedgerDecision {
  readonly reason: string;
  /** Description of the chosen group. */
  readonly group?: string | undefined;
  readonly distance?: number | undefined;
  readonly threshold?: number | undefined;
  /** How much farther the next group was. */
  readonly margin?: number | undefined;
}

/** Tokens by kind, as `Usage` counts them. Undefined: nobody knows. */
export interface LedgerTokens {
  /** All of the input, cached ones included. */
  readonly input?: number | undefined;
  /** All of the output, reasoning included. */
  readonly output?: number | undefined;
  /** The part of the input read from the vendor's prompt cache. */
  readonly cachedRead?: number | undefined;
  /** The part of the input written to it. */
  readonly cacheWrite?: number | undefined;
  /** The part of the output spent on reasoning. */
  readonly reasoning?: number | undefined;
}

/** One call of an upstream that cost money, may have, or ended the exchange. */
export interface LedgerAttempt {
  /** Its place among all attempts of the exchange, from 0; those that cost nothing leave gaps. */
  readonly index: number;
  readonly provider: string;
  readonly model: string;
  /** Name or id of the target in the config. */
  readonly target: string;
  readonly tokens: LedgerTokens;
  readonly costNanoUsd?: NanoUsd | undefined;
  /** Where the price came from. */
  readonly priceSource?: string | undefined;
  /** Tokens were counted by us, not by the vendor. */
  readonly isEstimated: boolean;
  /** Why it failed. */
  readonly failure?: string | undefined;
  readonly latencyMs?: number | undefined;
}

/** What the exchange would have cost under another policy. */
export interface LedgerBaseline {
  /** `strongest`, `cheapest`, `target:NAME` … */
  readonly name: string;
  readonly costNanoUsd?: NanoUsd | undefined;
}

/** One exchange, settled. Times are kept to the microsecond. */
export interface LedgerEntry {
  /** The request id. What is written twice under one id is one entry: the first. */
  readonly id: string;
  /** When the request came, in whole milliseconds since 1970. */
  readonly timeMs: number;
  readonly route?: string | undefined;
  readonly service?: string | undefined;
  readonly consumer?: string | undefined;
  readonly pluginId?: string | undefined;
  readonly algorithm?: string | undefined;
  /** The route type, e.g. `llm/v1/chat`. */
  readonly operation?: string | undefined;
  readonly mode: "oneshot" | "stream";
  /** HTTP status that the client got. */
  readonly status: number;
  readonly outcome: LedgerOutcome;
  readonly decision?: LedgerDecision | undefined;
  /** Of embedding the prompt. */
  readonly routingCostNanoUsd?: NanoUsd | undefined;
  readonly latencyMs: number;
  readonly timeToFirstTokenMs?: number | undefined;
  readonly cacheStatus?: string | undefined;
  /** Set where chance decided, to measure what routing saves. */
  readonly arm?: LedgerArm | undefined;
  /** Any of its figures is an estimate. */
  readonly isEstimated: boolean;
  /** In order of `index`; the last one is the one that ended the exchange. */
  readonly attempts: readonly LedgerAttempt[];
  readonly baselines: readonly LedgerBaseline[];
  /** The request and answer, where payloads are logged. */
  readonly payload?: string | undefined;
}
