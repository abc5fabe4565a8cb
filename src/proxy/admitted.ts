/** What a budget leaves of the targets a request may go to. */
import { picoCostOf } from "../accounting/cost.ts";
import type { Admission, Grant } from "../budgets/admission.ts";
import type { ChatRequest } from "../llm/chat.ts";
import type { ProxyTarget } from "./target.ts";

/** At least one of `candidates`. Throws `GatewayError` when the budget refuses. */
export async function admitted(
  request: ChatRequest,
  candidates: readonly ProxyTarget[],
  admission: Admission,
): Promise<readonly ProxyTarget[]> {
  const asked = admission.admit(
    request,
    candidates.map(({ maxTokens, name, price, provider }) => ({
      provider: provider.name,
      name,
      price: price?.price,
      maxTokens,
    })),
  );
  const grant = asked instanceof Promise ? await asked : asked;
  const open =
    grant.excludedProviders.size === 0
      ? candidates
      : candidates.filter(({ provider }) => !grant.excludedProviders.has(provider.name));
  return grant.isCheapestOnly ? cheapest(open, grant) : open;
}

/**
 * The target that would cost this request the least, with those of its group that cost the same. Where no price is known,
 * all of them: nothing can be said.
 */
function cheapest(targets: readonly ProxyTarget[], { expected }: Grant): readonly ProxyTarget[] {
  const costOf = ({ price }: ProxyTarget) =>
    price === undefined ? Number.POSITIVE_INFINITY : picoCostOf(expected, price.price);
  const [best] = [...targets].sort((a, b) => costOf(a) - costOf(b));
  if (best === undefined || costOf(best) === Number.POSITIVE_INFINITY) return targets;
  return targets.filter(
    (target) => costOf(target) === costOf(best) && target.description === best.description,
  );
}
