/** One request's way through its budgets: asked before the call, settled when what it used is known. */
import type { Admission, Candidate, Grant } from "../../budgets/admission.ts";
import { amountSpent, forPeople } from "../../budgets/amounts.ts";
import { type Counters, type Decision, hasRoom, reservedBy } from "../../budgets/counters.ts";
import type { GatewayError } from "../../errors.ts";
import type { Exchange } from "../../http/exchange.ts";
import type { AiFacts, TriedTarget } from "../../llm/ai-facts.ts";
import type { BudgetFacts, BudgetLimitFacts } from "../../llm/budget-facts.ts";
import type { ChatRequest } from "../../llm/chat.ts";
import { type Applied, type Plan, type PlanRules, planFor } from "./plan.ts";
import { type Refusal, refusalOf } from "./refusal.ts";

export interface AdmissionRules extends PlanRules {
  readonly counters: Counters;
  /** Share of a limit above which only the cheapest target is called; undefined: none. */
  readonly softShare: number | undefined;
  /** Makes the error of a refusal. */
  refuse(refusal: Refusal): GatewayError;
  /** A cost is counted as 0, because nobody knows the target's price. */
  unpriced(target: string): void;
}

const nobody: ReadonlySet<string> = new Set();

export class BudgetAdmission implements Admission {
  readonly #exchange: Exchange;
  readonly #rules: AdmissionRules;
  #plan: Plan | undefined;
  #decision: Decision | undefined;
  #facts: readonly BudgetLimitFacts[] = [];
  #refusal: Refusal | undefined;
  #isSettled = false;

  constructor(exchange: Exchange, rules: AdmissionRules) {
    this.#exchange = exchange;
    this.#rules = rules;
  }

  /** The limits that applied, as far as they are decided, in the order of the config. */
  get limits(): readonly {
    readonly applied: Applied;
    readonly facts: BudgetLimitFacts;
    readonly resetAfterMs: number;
  }[] {
    return (this.#plan?.applied ?? []).flatMap((applied, at) => {
      const [facts, state] = [this.#facts[at], this.#decision?.states[at]];
      return facts === undefined || state === undefined
        ? []
        : [{ applied, facts, resetAfterMs: state.resetAfterMs }];
    });
  }

  get refusal(): Refusal | undefined {
    return this.#refusal;
  }

  admit(request: ChatRequest, candidates: readonly Candidate[]): Grant | Promise<Grant> {
    const subject = { exchange: this.#exchange, model: request.model };
    const plan = planFor(this.#rules, subject, request, candidates);
    if (plan === undefined) return { excludedProviders: nobody, isCheapestOnly: false, expected: noUsage };
    this.#plan = plan;
    const decision = this.#rules.counters.reserve(plan.ask);
    return decision instanceof Promise
      ? decision.then((made) => this.#decided(plan, made))
      : this.#decided(plan, decision);
  }

  settle(ai: AiFacts | undefined): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    const [plan, decision] = [this.#plan, this.#decision];
    // Not decided yet where the client left meanwhile: then what is reserved is given back when it is.
    if (plan !== undefined && decision !== undefined) this.#correct(plan, decision, ai?.tried ?? []);
  }

  #decided(plan: Plan, decision: Decision): Grant {
    this.#decision = decision;
    const reserved = new Set(reservedBy(plan.ask, decision));
    this.#facts = plan.applied.map((applied, at) => limitFacts(plan, decision, { applied, at, reserved }));
    if (this.#isSettled) this.#correct(plan, decision, []);
    const isSoft = decision.isGranted && this.#isSoft(plan, decision, reserved);
    const excluded = plan.providers.filter((_, at) => decision.hasRoom[at] === false);
    const facts: BudgetFacts = {
      outcome: decision.isGranted ? (isSoft ? "soft" : "within") : "exceeded",
      counters: decision.isLocal ? "local" : "exact",
      limits: this.#facts,
      ...(decision.isGranted && excluded.length > 0 && { excluded_providers: excluded }),
    };
    if (this.#exchange.ai !== undefined) this.#exchange.ai.budget = facts;
    if (!decision.isGranted) {
      this.#refusal = refusalOf(plan, decision);
      throw this.#rules.refuse(this.#refusal);
    }
    const excludedProviders = excluded.length === 0 ? nobody : new Set(excluded);
    return { excludedProviders, isCheapestOnly: isSoft, expected: plan.expected };
  }

  #isSoft({ ask }: Plan, { states }: Decision, reserved: ReadonlySet<number>): boolean {
    const { softShare } = this.#rules;
    if (softShare === undefined) return false;
    return ask.claims.some(
      ({ limit }, at) => reserved.has(at) && (states[at]?.used ?? 0) >= softShare * limit,
    );
  }

  #correct(plan: Plan, decision: Decision, tried: readonly TriedTarget[]): void {
    if (!decision.isGranted) return;
    const reserved = new Set(reservedBy(plan.ask, decision));
    const changes = plan.applied.flatMap((applied, at) => {
      const [claim, state] = [plan.ask.claims[at], decision.states[at]];
      if (claim === undefined || state === undefined || !reserved.has(at)) return [];
      const used = applied.policy.isOfRequests ? claim.amount : this.#used(applied, tried);
      const facts = this.#facts[at];
      if (facts !== undefined) charge(facts, applied, used, state.used + used);
      // Where nothing was reserved, the window that runs now is charged, as in Kong.
      const window = this.#rules.reserve !== "none" || applied.policy.isOfRequests ? state.window : undefined;
      return [{ counter: claim.counter, window, by: used - claim.amount }];
    });
    this.#rules.counters.change(changes);
    for (const policy of new Set(plan.applied.map((applied) => applied.policy)))
      for (const { spend } of tried)
        if (spend !== undefined)
          policy.expectation.observe(spend.usage.outputTokens / plan.answers, plan.ceiling);
  }

  #used({ limit, providers }: Applied, tried: readonly TriedTarget[]): number {
    let sum = 0;
    for (const { model, provider, spend } of tried) {
      if (spend === undefined || !providers.has(provider)) continue;
      if (limit.strategy === "cost" && spend.costUsd === undefined)
        this.#rules.unpriced(`${provider}/${model}`);
      sum += amountSpent(limit.strategy, spend);
    }
    return sum;
  }
}

const noUsage = { inputTokens: 0, outputTokens: 0 };

interface Place {
  readonly applied: Applied;
  readonly at: number;
  readonly reserved: ReadonlySet<number>;
}

function limitFacts({ ask }: Plan, decision: Decision, { applied, at, reserved }: Place): BudgetLimitFacts {
  const { limit, policy } = applied;
  const [claim, state] = [ask.claims[at], decision.states[at]];
  const amount = reserved.has(at) ? (claim?.amount ?? 0) : 0;
  const used = state?.used ?? 0;
  const isExceeded = claim !== undefined && !hasRoom(claim, used);
  return {
    policy: policy.name,
    window_size: limit.sizeMs / 1000,
    strategy: limit.strategy,
    limit: limit.limit,
    ...(isExceeded && { is_exceeded: true as const }),
    reserved: forPeople(limit.strategy, amount),
    remaining: forPeople(limit.strategy, Math.max(0, limit.units - used - amount)),
  };
}

function charge(facts: BudgetLimitFacts, { limit }: Applied, used: number, total: number): void {
  facts.charged = forPeople(limit.strategy, used);
  facts.remaining = forPeople(limit.strategy, Math.max(0, limit.units - total));
}
