/** What tokens cost, in USD. */
import type { Usage } from "../llm/usage.ts";

/** USD per 1M tokens. Undefined = unknown, which is not free. */
export interface Price {
  readonly inputCost: number | undefined;
  readonly outputCost: number | undefined;
}

/** Kong's formula: (input × input price + output × output price) / 1,000,000. Undefined unless both prices are known. */
export function costOf(usage: Usage, price: Price): number | undefined {
  if (price.inputCost === undefined || price.outputCost === undefined) return undefined;
  return (usage.inputTokens * price.inputCost + usage.outputTokens * price.outputCost) / 1_000_000;
}
