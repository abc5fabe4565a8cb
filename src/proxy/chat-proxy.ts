/** The engine behind the AI proxy plugins: one chat request in, one answer out, over as many targets as it takes. */
import type { BalanceRequest, Target } from "../balancer/balancer.ts";
import { GatewayError } from "../errors.ts";
import { readBody } from "../http/body.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Reply } from "../http/reply.ts";
import { UpstreamError, type UpstreamResponse } from "../http/upstream-client.ts";
import type { AiFacts } from "../llm/ai-facts.ts";
import type { ChatRequest } from "../llm/chat.ts";
import { promptTexts } from "../llm/prompt-text.ts";
import type { RoutingDecision } from "../llm/routing-decision.ts";
import { planCall } from "./call.ts";
import type { ChatCall, ChatProxyServices, ChatProxySettings } from "./chat-call.ts";
import { asChatRequest, parseJsonBody } from "./chat-request.ts";
import { type ClientView, clientView } from "./client-view.ts";
import { upstreamClientError } from "./failure.ts";
import { candidatesFor } from "./model-choice.ts";
import { failureHeaders, relayAnswer } from "./relay.ts";
import type { ProxyTarget } from "./target.ts";

/** Answers a chat request. Throws `GatewayError`; an upstream's own error answer is a reply, not an exception. */
export async function proxyChat(
  exchange: Exchange,
  settings: ChatProxySettings,
  services: ChatProxyServices,
): Promise<Reply> {
  const { headers, body } = exchange.request;
  const bytes = await readBody(
    body,
    settings.maxRequestBodySize,
    headers["content-length"] as string | undefined,
  );
  const call = openCall(
    exchange,
    parseJsonBody(bytes, headers["content-type"] as string | undefined),
    settings,
    services,
  );
  const candidates = candidatesOf(call.request, settings.targets, call.client);
  // A promise only where the algorithm has something to wait for.
  const preparing = settings.balancer.prepare?.(candidates, call.routing);
  if (preparing !== undefined) await preparing;
  return attemptAll(call, candidates);
}

/** What would be chosen for a request, without sending it. */
export async function chooseTarget(
  request: ChatRequest,
  client: ClientView,
  settings: ChatProxySettings,
  signal: AbortSignal,
): Promise<{ readonly target: Target | undefined; readonly decision: RoutingDecision | undefined }> {
  const candidates = candidatesOf(request, settings.targets, client);
  const routing = balanceRequest(request, client, settings, signal);
  await settings.balancer.prepare?.(candidates, routing);
  const target = settings.balancer.pick(candidates, routing);
  return { target, decision: routing.decision };
}

function candidatesOf(
  request: ChatRequest,
  targets: readonly ProxyTarget[],
  client: ClientView,
): readonly ProxyTarget[] {
  return candidatesFor(targets, request.model, (target) => nameOf(target, client));
}

/** Undefined where the target has no name, or where the request lacks what its template needs: then it is not meant. */
function nameOf(target: ProxyTarget, client: ClientView): string | undefined {
  if (target.modelName === undefined) return undefined;
  try {
    return target.resolve(client, undefined).model.name;
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}

function openCall(
  exchange: Exchange,
  body: ReturnType<typeof parseJsonBody>,
  settings: ChatProxySettings,
  services: ChatProxyServices,
): ChatCall {
  const request = asChatRequest(body);
  const asksStream = request.stream === true;
  if (asksStream && settings.responseStreaming === "deny") throw new GatewayError("streaming_denied");
  const isStream = asksStream || settings.responseStreaming === "always";
  const facts: AiFacts = {
    pluginId: settings.pluginId,
    plugin: settings.plugin,
    algorithm: settings.algorithm,
    routeType: "llm/v1/chat",
    mode: isStream ? "stream" : "oneshot",
    ...settings.labels,
    tried: [],
  };
  exchange.ai = facts;
  const client = clientView(exchange);
  return {
    settings,
    services,
    exchange,
    client,
    request,
    isStream,
    facts,
    routing: balanceRequest(request, client, settings, exchange),
    startedAt: services.now(),
  };
}

/** `signal` is read from its owner when first needed, because it is made on first use. */
function balanceRequest(
  request: ChatRequest,
  client: ClientView,
  settings: ChatProxySettings,
  owner: { readonly signal: AbortSignal } | AbortSignal,
): BalanceRequest {
  let prompts: readonly string[] | undefined;
  return {
    prompts: () => {
      prompts ??= promptTexts(request.messages, { includeSystem: settings.includeSystem });
      return prompts;
    },
    header: (name) => client.header(name),
    get signal() {
      return owner instanceof AbortSignal ? owner : owner.signal;
    },
    decision: undefined,
  };
}

/** An attempt that did not give an answer: another target may try, or the client is told. */
interface FailedAttempt {
  /** The failover rules allow another target to try. */
  readonly mayRepeat: boolean;
  /** What the client gets if none does; may throw instead. */
  conclude(): Reply;
  /** Frees what is held of the failed call. */
  discard(): void;
}

/** Tries targets until one answers or the rules say stop. Each target is tried at most once. */
async function attemptAll(call: ChatCall, candidates: readonly ProxyTarget[]): Promise<Reply> {
  const { settings } = call;
  let target = pick(call, candidates);
  if (target === undefined) throw noTarget(call.routing.decision);
  let untried = candidates;
  for (let left = settings.retries; ; left--) {
    const result = await attempt(call, target);
    if (!("mayRepeat" in result)) return result;
    const tried: ProxyTarget = target;
    untried = untried.filter((candidate) => candidate !== tried);
    const next = result.mayRepeat && left > 0 ? pick(call, untried) : undefined;
    if (next === undefined) return result.conclude();
    result.discard();
    target = next;
  }
}

function pick(call: ChatCall, candidates: readonly ProxyTarget[]): ProxyTarget | undefined {
  const target = call.settings.balancer.pick(candidates, call.routing);
  if (call.routing.decision !== undefined) call.facts.decision = call.routing.decision;
  return target as ProxyTarget | undefined; // an algorithm picks among what it is given
}

/** One upstream call. */
async function attempt(call: ChatCall, target: ProxyTarget): Promise<Reply | FailedAttempt> {
  const { settings, services, exchange } = call;
  const plan = planCall(call, target);
  const startedAt = services.now();
  let response: UpstreamResponse;
  try {
    response = await services.upstream.send(plan.call, exchange.cancellation);
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    plan.failed(error.kind);
    settings.balancer.observe?.(target, { ok: false, latencyMs: services.now() - startedAt });
    return {
      mayRepeat: settings.rules.afterError(error),
      conclude: () => {
        throw upstreamClientError(error);
      },
      discard: () => undefined,
    };
  }
  plan.answered(response.status);
  if (response.status >= 200 && response.status < 300) return relayAnswer(call, plan, response);
  plan.failed(`http_${response.status}`);
  settings.balancer.observe?.(target, { ok: false, latencyMs: services.now() - startedAt });
  return {
    mayRepeat: settings.rules.afterStatus(response.status),
    // An upstream's error answer goes to the client as it came, body and type untouched (spec E21, E22).
    conclude: () => ({ status: response.status, headers: failureHeaders(response), body: response.body }),
    discard: () => response.body.cancel(new Error("another target is tried")),
  };
}

function noTarget(decision: RoutingDecision | undefined): GatewayError {
  if (decision?.reason !== "no_match")
    return new GatewayError("no_healthy_target", { reason: "every target has been tried or ruled out" });
  const nearest = decision.groups[0];
  return new GatewayError("no_target", {
    threshold: decision.threshold,
    nearest: nearest === undefined ? "none" : `${nearest.distance.toFixed(3)}, "${nearest.description}"`,
  });
}
