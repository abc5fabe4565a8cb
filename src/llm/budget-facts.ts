/** What budgets had to say of an exchange: data only, for records and headers. */

export interface BudgetFacts {
  /** within: there was room · soft: little of it, so that the cheapest target was chosen · exceeded: refused. */
  readonly outcome: "within" | "soft" | "exceeded";
  /** exact: decided with all gateways' counts · local: without what others have counted since the counters' server was lost. */
  readonly counters: "exact" | "local";
  /** One for each limit that applied. */
  readonly limits: readonly BudgetLimitFacts[];
  /** Providers that were over a limit of their own. */
  readonly excluded_providers?: readonly string[];
}

/** Tokens, or USD where `strategy` is `cost`. */
export interface BudgetLimitFacts {
  readonly policy: string;
  /** Seconds. */
  readonly window_size: number;
  readonly strategy: "total_tokens" | "prompt_tokens" | "completion_tokens" | "cost";
  readonly limit: number;
  readonly is_exceeded?: true;
  /** Expected before the call; 0 where nothing was reserved. */
  readonly reserved: number;
  /** Used, as far as the limit counts it; absent until it is known. */
  charged?: number;
  /** After `charged`, or after `reserved` while that is not known. */
  remaining: number;
}
