/** Turns an upstream's answer into the client's reply: whole or as a stream. */

import { GatewayError } from "../errors.ts";
import { compressReply } from "../http/compress.ts";
import { aiResponseHeaders } from "../http/headers.ts";
import { inflate } from "../http/inflate.ts";
import { readAll } from "../http/read-all.ts";
import type { Reply, ReplyHeaders } from "../http/reply.ts";
import { UpstreamError, type UpstreamResponse } from "../http/upstream-client.ts";
import { estimateUsage, firstContentLength } from "../llm/estimate.ts";
import type { DecodedAnswer } from "../providers/provider.ts";
import { answerAsEvents } from "./answer-as-events.ts";
import type { CallPlan } from "./call.ts";
import type { ChatCall } from "./chat-call.ts";
import { upstreamClientError } from "./failure.ts";
import { createStreamRelay } from "./relay-stream.ts";
import { routingHeader } from "./routing-header.ts";
import { settle } from "./settle.ts";

/** Largest whole answer that is read: far above any chat answer, so that a broken upstream cannot eat the memory. */
const maxAnswerBytes = 64 * 1024 * 1024;

/** The reply for a 2xx answer. Throws `GatewayError` when the answer cannot be used. */
export function relayAnswer(
  call: ChatCall,
  plan: CallPlan,
  response: UpstreamResponse,
): Reply | Promise<Reply> {
  const isEventStream = headerOf(response, "content-type")?.includes("text/event-stream") === true;
  if (call.isStream && isEventStream) {
    const body = inflate(response.body, headerOf(response, "content-encoding"));
    return {
      status: 200,
      headers: streamHeaders(call, plan, response),
      body: createStreamRelay(call, plan, body),
    };
  }
  return relayWhole(call, plan, response);
}

async function relayWhole(call: ChatCall, plan: CallPlan, response: UpstreamResponse): Promise<Reply> {
  const { exchange, facts } = call;
  const bytes = await readAnswer(call, plan, response);
  const answer = decode(call, plan, bytes);
  settle(call, plan, {
    ok: true,
    usage: answer.usage ?? estimateUsage(call.request, firstContentLength(bytes.toString("utf8"))),
    responseModel: answer.responseModel,
    finishReason: answer.finishReason,
  });
  if (facts.payload !== undefined) facts.payload.response = bytes.toString("utf8");
  if (call.isStream) {
    const text = answerAsEvents(
      answer.response ?? JSON.parse(bytes.toString("utf8")),
      call.request.stream_options?.include_usage === true,
    );
    return { status: 200, headers: streamHeaders(call, plan, response), body: text };
  }
  const headers = answerHeaders(call, plan, response);
  headers["content-type"] = "application/json; charset=utf-8";
  const body = answer.response === undefined ? bytes : JSON.stringify(answer.response);
  return compressReply(
    { status: response.status, headers, body },
    exchange.request.headers["accept-encoding"],
  );
}

async function readAnswer(call: ChatCall, plan: CallPlan, response: UpstreamResponse): Promise<Buffer> {
  try {
    return await readAll(inflate(response.body, headerOf(response, "content-encoding")), maxAnswerBytes);
  } catch (error) {
    const reason = error instanceof UpstreamError ? error.kind : "invalid_body";
    plan.failed(reason);
    settle(call, plan, {
      ok: false,
      clientAborted: call.exchange.cancellation.aborted,
      usage: undefined,
      responseModel: undefined,
      finishReason: undefined,
    });
    throw error instanceof UpstreamError
      ? upstreamClientError(error)
      : new GatewayError("upstream_unreachable", {}, { cause: error });
  }
}

function decode(call: ChatCall, plan: CallPlan, bytes: Buffer): DecodedAnswer {
  const { services, facts } = call;
  try {
    return plan.target.chat.decode(parse(bytes, plan), {
      model: plan.resolved.model.name,
      createdSeconds: Math.floor(services.wallClock() / 1000),
    });
  } catch (error) {
    plan.failed("unusable_answer");
    if (facts.payload !== undefined) facts.payload.response = bytes.toString("utf8");
    settle(call, plan, { ok: false, usage: undefined, responseModel: undefined, finishReason: undefined });
    throw error;
  }
}

function parse(bytes: Buffer, plan: CallPlan): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw new GatewayError(
      "upstream_unusable",
      {
        provider: plan.target.provider.name,
        routeType: plan.target.routeType,
        reason: "the answer is not JSON",
      },
      { cause },
    );
  }
}

/** Headers of an upstream's failure, with its own content type. */
export function failureHeaders(response: UpstreamResponse): ReplyHeaders {
  return aiResponseHeaders(response.headers, { keepBodyHeaders: true });
}

function answerHeaders(call: ChatCall, plan: CallPlan, response: UpstreamResponse): ReplyHeaders {
  const headers = aiResponseHeaders(response.headers, { keepBodyHeaders: false });
  if (call.settings.modelNameHeader) {
    headers["x-kong-llm-model"] = printable(`${plan.target.provider.name}/${plan.resolved.model.name}`);
  }
  const routing = routingHeader(call.facts.decision);
  if (routing !== undefined) headers["x-sluice-routing"] = routing;
  if (call.facts.warnings !== undefined) headers["x-sluice-warning"] = call.facts.warnings.map(printable);
  return headers;
}

function streamHeaders(call: ChatCall, plan: CallPlan, response: UpstreamResponse): ReplyHeaders {
  const headers = answerHeaders(call, plan, response);
  headers["content-type"] = "text/event-stream; charset=utf-8";
  headers["cache-control"] = "no-cache";
  // Asks reverse proxies in front of us not to collect the stream (nginx: X-Accel-Buffering).
  headers["x-accel-buffering"] = "no";
  return headers;
}

function headerOf(response: UpstreamResponse, name: string): string | undefined {
  const value = response.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

const unprintable = /[^\x20-\x7e]/;

/** Header values are Latin-1 at most (RFC 9110, 5.5); a model's name or a warning may be a client's words. */
function printable(text: string): string {
  return unprintable.test(text) ? text.replace(/[^\x20-\x7e]/g, "?") : text;
}
