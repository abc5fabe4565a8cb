/** What the algorithms may know of a chat request. */
import type { BalanceRequest } from "../balancer/balancer.ts";
import type { ChatRequest } from "../llm/chat.ts";
import { promptTexts } from "../llm/prompt-text.ts";
import type { RoutingDecision } from "../llm/routing-decision.ts";
import type { ClientView } from "./client-view.ts";

/** Has a signal, which may be made when it is first asked for. */
interface SignalOwner {
  readonly signal: AbortSignal;
}

/**
 * A class for its accessor: V8 gives each object that a literal with one makes a hidden class of its own, which holds all
 * that the accessor can see until a full garbage collection. So every exchange outlived the small ones
 * (`node --trace-gc-nvp`: 1.9 MB promoted of 13 MB allocated, then 1.4; `Roster` is about the rest).
 */
export class RoutedRequest<IsTrial extends boolean> implements BalanceRequest {
  decision: RoutingDecision | undefined;
  readonly isTrial: IsTrial;
  readonly #request: ChatRequest;
  readonly #client: ClientView;
  readonly #includeSystem: boolean;
  readonly #owner: SignalOwner;
  #prompts: readonly string[] | undefined;

  constructor(
    request: ChatRequest,
    client: ClientView,
    settings: { readonly includeSystem: boolean },
    owner: SignalOwner,
    isTrial: IsTrial,
  ) {
    this.#request = request;
    this.#client = client;
    this.#includeSystem = settings.includeSystem;
    this.#owner = owner;
    this.isTrial = isTrial;
  }

  prompts(): readonly string[] {
    this.#prompts ??= promptTexts(this.#request.messages, { includeSystem: this.#includeSystem });
    return this.#prompts;
  }

  header(name: string): string | undefined {
    return this.#client.header(name);
  }

  get signal(): AbortSignal {
    return this.#owner.signal;
  }
}
