/** The engine behind the AI proxy plugins: one chat request in, one answer out, over as many targets as it takes. */
import type { BalanceRequest, Target, TrialRequest } from "../balancer/balancer.ts";
import type { Attempts, Lease } from "../balancer/pool.ts";
import { GatewayError } from "../errors.ts";
import { requestBody } from "../http/body.ts";
import type { Exchange } from "../http/exchange.ts";
import { type BodyStream, isBodyStream, type Reply } from "../http/reply.ts";
import type { AiFacts } from "../llm/ai-facts.ts";
import type { ChatRequest } from "../llm/chat.ts";
import { promptTexts } from "../llm/prompt-text.ts";
import type { RoutingDecision } from "../llm/routing-decision.ts";
import { admitted } from "./admitted.ts";
import { attempt } from "./attempt.ts";
import type { ChatCall, ChatProxyServices, ChatProxySettings } from "./chat-call.ts";
import { asChatRequest, parseJsonBody } from "./chat-request.ts";
import { type ClientView, clientView } from "./client-view.ts";
import { isFailed } from "./failed-attempt.ts";
import { candidatesFor } from "./model-choice.ts";
import { noTarget, unavailableTargets } from "./no-target.ts";
import type { ProxyTarget } from "./target.ts";
import { createDeadline, type Deadline } from "./total-timeout.ts";

/** Answers a chat request. Throws `GatewayError`; an upstream's own error answer is a reply, not an exception. */
export async function proxyChat(
  exchange: Exchange,
  settings: ChatProxySettings,
  services: ChatProxyServices,
): Promise<Reply> {
  const request = exchange.onward.toVendor;
  const bytes = await requestBody(request, settings.maxRequestBodySize);
  const call = openCall(
    exchange,
    parseJsonBody(bytes, request.headers["content-type"] as string | undefined),
    settings,
    services,
  );
  const named = candidatesOf(call.request, settings.targets, call.client);
  const { admission } = exchange;
  const candidates = admission === undefined ? named : await admitted(call.request, named, admission);
  // A promise only where the algorithm has something to wait for.
  const preparing = settings.pool.balancer.prepare?.(candidates, call.routing);
  if (preparing !== undefined) await preparing;
  return call.deadline === undefined
    ? attemptAll(call, candidates)
    : attemptInTime(call, call.deadline, candidates);
}

/** Where a request would go first. */
interface Choice {
  /** Undefined when none is available or fits. */
  readonly target: Target | undefined;
  readonly decision: RoutingDecision | undefined;
  /** What the client would get instead, where there is no target. */
  readonly error?: GatewayError;
}

/** What a request that comes now would be sent to first, or the error that it would get. Nothing is sent. */
export async function chooseTarget(
  request: ChatRequest,
  client: ClientView,
  settings: ChatProxySettings,
  signal: AbortSignal,
): Promise<Choice> {
  const candidates = candidatesOf(request, settings.targets, client);
  const routing: TrialRequest = { ...balanceRequest(request, client, settings, signal), isTrial: true };
  const { pool } = settings;
  await pool.balancer.prepare?.(candidates, routing);
  const preview = pool.preview(candidates, routing);
  const { target } = preview;
  const { decision } = routing;
  if (target !== undefined) return { target, decision };
  return { target, decision, error: noTarget(preview, decision, candidates.length) };
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
    spent: [],
  };
  exchange.ai = facts;
  const client = clientView(exchange);
  const { totalTimeoutMs } = settings;
  const deadline =
    totalTimeoutMs === 0
      ? undefined
      : createDeadline(exchange.cancellation, totalTimeoutMs, services.schedule);
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
    cancellation: deadline?.cancellation ?? exchange.cancellation,
    deadline,
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

/** Tries targets until one answers or the rules say stop. Each target is tried at most once. */
async function attemptAll(call: ChatCall, candidates: readonly ProxyTarget[]): Promise<Reply> {
  const { settings, facts, routing } = call;
  const attempts = settings.pool.open(candidates, routing);
  let lease = next(call, attempts);
  if (lease === undefined) {
    const unavailable = unavailableTargets(settings.pool, candidates);
    if (unavailable.length > 0) facts.unavailable = unavailable;
    throw noTarget(attempts, routing.decision, candidates.length);
  }
  for (let left = settings.retries; ; left--) {
    const result = await attempt(call, lease);
    if (!isFailed(result)) return result;
    const mayGoOn = result.mayRepeat && left > 0 && !call.cancellation.aborted;
    const following = mayGoOn ? next(call, attempts) : undefined;
    if (following === undefined) return result.conclude();
    result.discard();
    lease = following;
  }
}

function next(call: ChatCall, attempts: Attempts<ProxyTarget>): Lease<ProxyTarget> | undefined {
  const lease = attempts.next();
  if (call.routing.decision !== undefined) call.facts.decision = call.routing.decision;
  return lease;
}

/** The same within `total_timeout`, whose timer ends with the last byte. */
async function attemptInTime(
  call: ChatCall,
  deadline: Deadline,
  candidates: readonly ProxyTarget[],
): Promise<Reply> {
  deadline.start();
  try {
    const reply = await attemptAll(call, candidates);
    if (isBodyStream(reply.body)) return { ...reply, body: untilOver(reply.body, deadline) };
    deadline.release();
    return reply;
  } catch (error) {
    deadline.release();
    throw error;
  }
}

function untilOver(body: BodyStream, deadline: Deadline): BodyStream {
  return {
    start(sink) {
      const flow = body.start({
        write: (chunk) => sink.write(chunk),
        end() {
          deadline.release();
          sink.end();
        },
        fail(error) {
          deadline.release();
          sink.fail(error);
        },
      });
      return {
        resume: () => flow.resume(),
        cancel(reason) {
          deadline.release();
          flow.cancel(reason);
        },
      };
    },
  };
}
