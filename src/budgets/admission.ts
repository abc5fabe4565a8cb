/** Contract between who sets budgets and who calls models: asked once a request's targets are known, told what it used. */
import type { Price } from "../accounting/price.ts";
import type { AiFacts } from "../llm/ai-facts.ts";
import type { ChatRequest } from "../llm/chat.ts";
import type { Usage } from "../llm/usage.ts";

export interface Admission {
  /** Reserves what the request may use. A promise only where somebody has to be asked. Throws `GatewayError`: refused. */
  admit(request: ChatRequest, candidates: readonly Candidate[]): Grant | Promise<Grant>;
  /** What was used is known, of all attempts: what was reserved gives way to it. Only the first call counts. */
  settle(ai: AiFacts | undefined): void;
}

/** A target as far as a budget has to know it. */
export interface Candidate {
  /** Name of the provider. */
  readonly provider: string;
  /** `provider/model` */
  readonly name: string;
  /** Undefined: unknown, which is not free. */
  readonly price: Price | undefined;
  /** The config's ceiling of the answer's tokens. */
  readonly maxTokens: number | undefined;
}

export interface Grant {
  /** Providers over a limit of their own; at least one candidate's is not among them. */
  readonly excludedProviders: ReadonlySet<string>;
  /** Only the cheapest of what is left is to be called. */
  readonly isCheapestOnly: boolean;
  /** What the request is expected to use. */
  readonly expected: Usage;
}
