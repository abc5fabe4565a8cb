/** Which limits apply to a request, and what it would add to each. */
import type { Candidate } from "../../budgets/admission.ts";
import { amountOf, answersOf, ceilingOf, expectedUsage, promptTokens } from "../../budgets/amounts.ts";
import type { Ask } from "../../budgets/counters.ts";
import { Expectation } from "../../budgets/expectation.ts";
import type { ChatRequest } from "../../llm/chat.ts";
import type { Usage } from "../../llm/usage.ts";
import type { Subject } from "./conditions.ts";
import type { Policy, PolicyLimit } from "./policies.ts";

/** A limit that applies, for the one who is counted. */
export interface Applied {
  readonly policy: Policy;
  readonly limit: PolicyLimit;
  readonly key: string;
  /** Whose answers it counts. */
  readonly providers: Set<string>;
}

export interface Plan {
  readonly applied: readonly Applied[];
  /** The claims are in the order of `applied`. */
  readonly ask: Ask;
  /** In the order of the ask's alternatives. */
  readonly providers: readonly string[];
  /** What the request is expected to use, by the first policy's experience. */
  readonly expected: Usage;
  /** The most tokens of one answer; undefined: a target has no bound. */
  readonly ceiling: number | undefined;
  /** That it asks for. */
  readonly answers: number;
}

export interface PlanRules {
  readonly policies: readonly Policy[];
  readonly keyOf: (limit: PolicyLimit, identity: string) => string;
  /** What is counted before it is used. */
  readonly reserve: "expected" | "ceiling" | "none";
}

/** Before anything is learned, the ceiling is expected. */
const unlearned = new Expectation();

/** Undefined where no policy is for this request. */
export function planFor(
  { keyOf, policies, reserve }: PlanRules,
  subject: Subject,
  request: ChatRequest,
  candidates: readonly Candidate[],
): Plan | undefined {
  const providers = [...new Set(candidates.map(({ provider }) => provider))];
  const applied = new Map<string, Applied>();
  const keysOf = providers.map((provider) =>
    applying(policies, subject, provider).flatMap(({ identity, policy }) =>
      policy.limits.map((limit) => {
        const key = keyOf(limit, identity);
        const known = applied.get(key) ?? { policy, limit, key, providers: new Set<string>() };
        applied.set(key, known);
        known.providers.add(provider);
        return key;
      }),
    ),
  );
  if (applied.size === 0) return undefined;
  const list = [...applied.values()];
  const places = new Map(list.map(({ key }, at) => [key, at]));
  const isRequired = ({ providers: own }: Applied) => own.size === providers.length;
  const inputTokens = promptTokens(request);
  const expectationFor = (candidate: Candidate, { expectation }: Policy) =>
    reserve === "ceiling" && ceilingOf(request, candidate) !== undefined ? unlearned : expectation;
  const expecting = (candidate: Candidate, policy: Policy) =>
    expectedUsage(request, inputTokens, candidate, expectationFor(candidate, policy));
  const amountFor = ({ limit, policy, providers: own }: Applied): number => {
    if (policy.isOfRequests) return inputTokens;
    if (reserve === "none") return 0;
    const callable = candidates.filter(({ provider }) => own.has(provider));
    return Math.max(...callable.map((each) => amountOf(limit.strategy, expecting(each, policy), each.price)));
  };
  return {
    applied: list,
    providers,
    expected: dearest(candidates.map((each) => expecting(each, (list[0] as Applied).policy))), // there is one
    ceiling: highest(candidates.map((each) => ceilingOf(request, each))),
    answers: answersOf(request),
    ask: {
      claims: list.map((each) => {
        const amount = amountFor(each);
        return {
          counter: { key: each.key, sizeMs: each.limit.sizeMs, isSliding: each.limit.isSliding },
          limit: each.limit.units,
          amount,
          needs: reserve === "ceiling" ? Math.max(1, amount) : 1,
          isPenalty: each.policy.hasPenalty,
        };
      }),
      required: list.flatMap((each, at) => (isRequired(each) ? [at] : [])),
      alternatives: keysOf.map((keys) =>
        keys.flatMap((key) => {
          const at = places.get(key);
          const own = applied.get(key);
          return at === undefined || own === undefined || isRequired(own) ? [] : [at];
        }),
      ),
    },
  };
}

interface Match {
  readonly policy: Policy;
  readonly identity: string;
}

/** All policies that match; where none does, those that are for the rest. */
function applying(policies: readonly Policy[], subject: Subject, provider: string): readonly Match[] {
  const matching = (isFallback: boolean) =>
    policies.flatMap((policy) => {
      if (policy.isFallback !== isFallback) return [];
      const identity = policy.identify(subject, provider);
      return identity === undefined ? [] : [{ policy, identity }];
    });
  const found = matching(false);
  return found.length > 0 ? found : matching(true);
}

function highest(ceilings: readonly (number | undefined)[]): number | undefined {
  return ceilings.reduce((most, each) =>
    most === undefined || each === undefined ? undefined : Math.max(most, each),
  );
}

function dearest(usages: readonly Usage[]): Usage {
  return usages.reduce((most, each) => (each.outputTokens > most.outputTokens ? each : most));
}
