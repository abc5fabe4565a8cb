import { EmbeddingError } from "../../embedders/embedding-error.ts";
import type { PromptEmbedding } from "../../embedders/registry.ts";
import { GatewayError } from "../../errors.ts";
import type { RoutingDecision } from "../../llm/routing-decision.ts";
import type { Logger } from "../../telemetry/logger.ts";
import {
  type BalanceRequest,
  type Balancer,
  defineBalancer,
  type Outcome,
  type SemanticServices,
  type SemanticSettings,
  type Target,
} from "../balancer.ts";
import { createGroupIndex } from "../group-index.ts";
import { type Group, type Groups, groupTargets } from "../groups.ts";
import { createRanking, type RankedGroups, type RankGroups } from "../rank-groups.ts";
import { createSmoothWeighted, type SmoothWeighted } from "../smooth-weighted.ts";

/**
 * Nearest group within the threshold, then the next-nearest within it, then CATCHALL. With no embedding at hand:
 * CATCHALL, else the cheapest target. The vectors it compares with are held in memory, so that no request waits
 * for a store.
 */
export const semantic = defineBalancer({
  name: "semantic",
  summary: "Sends to the target whose description, and examples, are nearest in meaning to the prompt.",
  create(settings, targets, services) {
    if (settings.semantic === undefined || services.semantic === undefined) {
      throw new Error("the semantic algorithm needs its settings, an embedder and a vector store");
    }
    return new SemanticBalancer(settings.semantic, targets, services.semantic, services.log);
  },
});

/** Groups in the order in which they may be tried, and how far each got with this request. */
interface Ranking {
  readonly order: readonly Group[];
  readonly entered: Set<Group>;
}

/** A message of up to so many words that matches nothing is taken for a follow-up ("yes, go on"). A choice, not a measurement. */
const followUpWords = 4;
/** How far back a follow-up looks for the message it follows. */
const followUpDepth = 5;
const notEmbedded = "the descriptions are not embedded yet";
/** Waits before the descriptions are tried again, when their embedder was down at start: doubled each time. */
const firstRetryMs = 1_000;
const longestRetryMs = 10_000;

class SemanticBalancer implements Balancer {
  readonly #settings: SemanticSettings;
  readonly #services: SemanticServices;
  readonly #log: Logger;
  readonly #groups: Groups;
  readonly #fallbackOrder: readonly Group[];
  readonly #turn: SmoothWeighted = createSmoothWeighted();
  readonly #rankings = new WeakMap<BalanceRequest, Ranking>();
  #rankGroups: RankGroups | undefined;
  #cancelRetry: (() => void) | undefined;
  #retryMs = firstRetryMs;
  #isClosed = false;

  constructor(
    settings: SemanticSettings,
    targets: readonly Target[],
    services: SemanticServices,
    log: Logger,
  ) {
    this.#settings = settings;
    this.#services = services;
    this.#log = log;
    this.#groups = groupTargets(targets);
    this.#fallbackOrder = fallbackOrder(targets, this.#groups.catchall);
  }

  async start(signal: AbortSignal): Promise<void> {
    try {
      const index = await createGroupIndex(this.#groups.described, this.#services, signal);
      this.#rankGroups = createRanking(this.#groups, index, this.#settings);
      await this.#services.descriptions.keep();
    } catch (error) {
      if (signal.aborted || !(error instanceof EmbeddingError)) throw error;
      // A reload may have replaced this balancer while its first try was under way.
      if (this.#isClosed) return;
      this.#startAgain(error, signal);
    }
  }

  #startAgain({ message, retryAfterMs = 0 }: EmbeddingError, signal: AbortSignal): void {
    const retryInMs = Math.max(this.#retryMs, Math.min(longestRetryMs, retryAfterMs));
    this.#retryMs = Math.min(longestRetryMs, this.#retryMs * 2);
    this.#log.warn("descriptions could not be embedded; routing falls back until they are", {
      reason: message,
      retryInMs,
    });
    this.#cancelRetry = this.#services.schedule(
      retryInMs,
      () => void this.start(signal).catch((late: unknown) => this.#stayUnready(late)),
    );
  }

  /** Found out too late for the gateway to refuse the configuration. */
  #stayUnready(error: unknown): void {
    if (this.#isClosed) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.#log.error("semantic routing cannot start and falls back until the configuration changes", {
      reason,
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRetry?.();
  }

  prepare(candidates: readonly Target[], request: BalanceRequest): void | Promise<void> {
    const only = this.#onlyGroup(candidates);
    if (only !== undefined) {
      this.#rank(request, [only], {
        reason: "only",
        detail: "the request leaves one group to choose from",
        groups: [],
      });
      return;
    }
    if (this.#rankGroups === undefined) return this.#fallBack(request, notEmbedded);
    const texts = request.prompts();
    const text = texts.slice(0, this.#settings.messageCountback).reverse().join("\n");
    if (text === "") {
      this.#rank(request, this.#fallbackOrder, {
        reason: this.#groups.catchall === undefined ? "fallback" : "catchall",
        detail: "the request has no text to route on",
        groups: [],
      });
      return;
    }
    return this.#decide(request, text, texts, 0);
  }

  pick(candidates: readonly Target[], request: BalanceRequest): Target | undefined {
    const ranking = this.#rankings.get(request);
    if (ranking === undefined) return undefined;
    for (const group of ranking.order) {
      const members = group.targets.filter((target) => candidates.includes(target));
      if (members.length === 0) continue;
      const isFirst = !ranking.entered.has(group);
      ranking.entered.add(group);
      return this.#pickInside(members, request, isFirst);
    }
    if (ranking.entered.size === 0) this.#noteMismatch(candidates, request);
    return undefined;
  }

  #pickInside(members: readonly Target[], request: BalanceRequest, isFirst: boolean): Target | undefined {
    const { inner } = this.#services;
    if (inner !== undefined) return inner.pick(members, request);
    return isFirst && this.#settings.groupPolicy === "weighted"
      ? this.#turn.next(members, request)
      : heaviest(members);
  }

  started(target: Target, request: BalanceRequest): void {
    this.#services.inner?.started?.(target, request);
  }

  observe(target: Target, outcome: Outcome): void {
    this.#services.inner?.observe?.(target, outcome);
  }

  describeTarget(target: Target): Readonly<Record<string, number>> {
    return this.#services.inner?.describeTarget?.(target) ?? {};
  }

  /** The request asked for models whose groups the prompt does not fit, and CATCHALL is not among them. */
  #noteMismatch(candidates: readonly Target[], request: BalanceRequest): void {
    const { decision } = request;
    if (decision?.threshold === undefined) return;
    const asked = new Set(candidates.map((target) => target.description?.trim()));
    const groups = decision.groups.filter(({ description }) => asked.has(description));
    request.decision = { ...decision, reason: "no_match", groups };
  }

  /** Embeds `text` and ranks the groups by it: at once where nothing has to be waited for. */
  #decide(
    request: BalanceRequest,
    text: string,
    texts: readonly string[],
    depth: number,
  ): void | Promise<void> {
    const embedding = this.#services.embedding.embedPrompt(text, request);
    if (!(embedding instanceof Promise)) return this.#compare(request, embedding, texts, depth);
    return embedding.then(
      (result) => this.#compare(request, result, texts, depth),
      (error: unknown) => this.#fallBack(request, error),
    );
  }

  #compare(
    request: BalanceRequest,
    embedding: PromptEmbedding,
    texts: readonly string[],
    depth: number,
  ): void | Promise<void> {
    let ranked: RankedGroups | undefined;
    try {
      ranked = this.#rankGroups?.(embedding.vector);
    } catch (error) {
      return this.#fallBack(request, error);
    }
    if (ranked === undefined) return this.#fallBack(request, notEmbedded);
    const { facts, order } = ranked;
    const earlier = texts[depth + 1];
    const mayInherit = this.#settings.inheritFollowUps && depth < followUpDepth && earlier !== undefined;
    if (facts.reason !== "matched" && mayInherit && isShort(texts[depth] ?? "")) {
      return this.#decide(request, earlier, texts, depth + 1);
    }
    const isInherited = depth > 0 && facts.reason === "matched";
    const decision = { ...facts, embedding: this.#costOf(embedding) };
    this.#rank(request, order, isInherited ? { ...decision, inherited: true } : decision);
  }

  #costOf({ cached, latencyMs, inputTokens }: PromptEmbedding): NonNullable<RoutingDecision["embedding"]> {
    const { embedder } = this.#services.embedding;
    const { embeddingCost } = this.#settings;
    const isFree = cached || embedder.embedNow !== undefined;
    const costUsd =
      inputTokens === undefined || embeddingCost === undefined
        ? undefined
        : (inputTokens * embeddingCost) / 1_000_000;
    return {
      model: embedder.model,
      cached,
      latencyMs,
      ...(inputTokens !== undefined && { inputTokens }),
      ...(isFree ? { costUsd: 0 } : costUsd !== undefined && { costUsd }),
    };
  }

  #rank(request: BalanceRequest, order: readonly Group[], decision: RoutingDecision): void {
    request.decision = decision;
    this.#rankings.set(request, { order, entered: new Set() });
  }

  #fallBack(request: BalanceRequest, cause: unknown): void {
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (this.#settings.onError === "fail")
      throw new GatewayError("routing_unavailable", { reason }, { cause });
    this.#rank(request, this.#fallbackOrder, { reason: "fallback", detail: reason, groups: [] });
  }

  /** The one group all candidates are in, where there is but one. */
  #onlyGroup(candidates: readonly Target[]): Group | undefined {
    const description = candidates[0]?.description;
    for (const candidate of candidates) if (candidate.description !== description) return undefined;
    return candidates.length === 0
      ? undefined
      : { description: description ?? "", targets: candidates, examples: [] };
  }
}

function isShort(text: string): boolean {
  return text.length <= 60 && text.split(/\s+/).length <= followUpWords;
}

function heaviest(targets: readonly Target[]): Target | undefined {
  return targets.reduce<Target | undefined>(
    (best, target) => (best === undefined || target.weight > best.weight ? target : best),
    undefined,
  );
}

/** CATCHALL first; then, each a group of its own, the cheapest known price, then the unpriced by weight. */
function fallbackOrder(targets: readonly Target[], catchall: Group | undefined): readonly Group[] {
  const rest = targets
    .filter((target) => catchall?.targets.includes(target) !== true)
    .sort((a, b) => priceOf(a) - priceOf(b) || b.weight - a.weight || a.index - b.index)
    .map((target) => ({ description: target.description ?? "", targets: [target], examples: [] }));
  return catchall === undefined ? rest : [catchall, ...rest];
}

/** Input and output weigh the same here; an unknown price is dearer than any known one, never free. */
function priceOf(target: Target): number {
  return target.inputCost === undefined || target.outputCost === undefined
    ? Number.MAX_VALUE
    : target.inputCost + target.outputCost;
}
