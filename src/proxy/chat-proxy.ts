/** The engine behind the AI proxy plugins: one chat request in, one answer out, over as many targets as it takes. */
import type { Target } from "../balancer/balancer.ts";
import type { Attempts, Lease } from "../balancer/pool.ts";
import { GatewayError } from "../errors.ts";
import { requestBody } from "../http/body.ts";
import type { Exchange } from "../http/exchange.ts";
import { type BodyStream, isBodyStream, type Reply } from "../http/reply.ts";
import type { AiFacts } from "../llm/ai-facts.ts";
import type { ChatRequest } from "../llm/chat.ts";
import type { RoutingDecision } from "../llm/routing-decision.ts";
import { xxHash32 } from "../util/xxhash32.ts";
import { admitted } from "./admitted.ts";
import { attempt } from "./attempt.ts";
import type { ChatCall, ChatProxyServices, ChatProxySettings } from "./chat-call.ts";
import { asChatRequest, parseJsonBody } from "./chat-request.ts";
import { type ClientView, clientView } from "./client-view.ts";
import { isFailed } from "./failed-attempt.ts";
import { candidatesFor } from "./model-choice.ts";
import { noTarget, unavailableTargets } from "./no-target.ts";
import { RoutedRequest } from "./routed-request.ts";
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
  const routing = new RoutedRequest(request, client, settings, { signal }, true);
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
  const startedAt = services.now();
  const facts: AiFacts = {
    pluginId: settings.pluginId,
    plugin: settings.plugin,
    algorithm: settings.algorithm,
    routeType: "llm/v1/chat",
    startedAt,
    mode: isStream ? "stream" : "oneshot",
    embeddingsProvider: settings.embeddingsProvider,
    tried: [],
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
    routing: new RoutedRequest(request, client, settings, exchange, false),
    startedAt,
    cancellation: deadline?.cancellation ?? exchange.cancellation,
    deadline,
  };
}

/** Tries targets until one answers or the rules say stop. Each target is tried at most once. */
async function attemptAll(call: ChatCall, candidates: readonly ProxyTarget[]): Promise<Reply> {
  const { settings, facts, routing } = call;
  const attempts = settings.pool.open(candidates, routing);
  const pinned = heldOut(call, candidates);
  let lease = next(call, attempts, pinned);
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

function asHoldout(decision: RoutingDecision | undefined): RoutingDecision {
  return {
    ...(decision ?? { groups: [] }),
    reason: "holdout",
    detail: "sent to the baseline, to measure what routing saves",
  };
}

/**
 * The baseline's target, for the random share of requests that goes there to measure what routing saves. By a hash of the
 * request's id, so that the same share comes out whatever the traffic. Should it fail, others may answer as always:
 * what was meant to happen is what is compared.
 */
function heldOut(call: ChatCall, candidates: readonly ProxyTarget[]): ProxyTarget | undefined {
  const { holdout, baselines } = call.settings;
  if (holdout === 0) return undefined;
  const baseline = candidates.find(({ index }) => index === baselines.strongest?.index);
  if (baseline === undefined) return undefined; // the client has asked for others
  call.facts.isHeldOut = xxHash32(Buffer.from(call.exchange.id)) < holdout * 2 ** 32;
  return call.facts.isHeldOut ? baseline : undefined;
}

function next(
  call: ChatCall,
  attempts: Attempts<ProxyTarget>,
  pinned?: ProxyTarget,
): Lease<ProxyTarget> | undefined {
  const lease = attempts.next(pinned);
  if (pinned !== undefined && lease?.target === pinned)
    call.routing.decision = asHoldout(call.routing.decision);
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
