/** Turns an upstream's answer into the client's reply: whole or as a stream. */

import { GatewayError, toGatewayError } from "../errors.ts";
import { compressReply } from "../http/compress.ts";
import { aiResponseHeaders } from "../http/headers.ts";
import { inflate } from "../http/inflate.ts";
import { readAll } from "../http/read-all.ts";
import type { Reply, ReplyHeaders } from "../http/reply.ts";
import type { UpstreamResponse } from "../http/upstream-client.ts";
import { UpstreamError } from "../http/upstream-error.ts";
import { idAtStart } from "../llm/answer-id.ts";
import { readAnswerText } from "../llm/answer-text.ts";
import type { DecodedAnswer } from "../providers/provider.ts";
import { answerAsEvents } from "./answer-as-events.ts";
import type { CallPlan } from "./call.ts";
import type { ChatCall } from "./chat-call.ts";
import { type FailedAttempt, failedAttempt } from "./failed-attempt.ts";
import { upstreamClientError } from "./failure.ts";
import { relayStream } from "./relay-stream.ts";
import { routingHeader } from "./routing-header.ts";
import { settle } from "./settle.ts";
import { totalTimeoutOf } from "./total-timeout.ts";

/** Largest whole answer that is read: far above any chat answer, so that a broken upstream cannot eat the memory. */
const maxAnswerBytes = 64 * 1024 * 1024;

/** The reply for a 2xx answer, or how it failed while the client had seen nothing of it. Rejects when the client leaves. */
export function relayAnswer(
  call: ChatCall,
  plan: CallPlan,
  response: UpstreamResponse,
): Reply | Promise<Reply | FailedAttempt> {
  const isEventStream = headerOf(response, "content-type")?.includes("text/event-stream") === true;
  if (call.isStream && isEventStream) {
    const upstream = inflate(response.body, headerOf(response, "content-encoding"));
    return relayStream({ call, plan, headers: streamHeaders(call, plan, response), upstream });
  }
  return relayWhole(call, plan, response);
}

async function relayWhole(
  call: ChatCall,
  plan: CallPlan,
  response: UpstreamResponse,
): Promise<Reply | FailedAttempt> {
  let bytes: Buffer;
  try {
    bytes = await readAll(inflate(response.body, headerOf(response, "content-encoding")), maxAnswerBytes);
  } catch (error) {
    return unread(call, plan, error);
  }
  if (call.facts.payload !== undefined) call.facts.payload.response = bytes.toString("utf8");
  let answer: DecodedAnswer;
  try {
    answer = decode(call, plan, bytes);
  } catch (error) {
    return unusable(call, plan, "unusable_answer", error);
  }
  settle(call, plan, {
    failure: undefined,
    tokens: {
      known: answer.usage,
      isComplete: true,
      answer: () => readAnswerText(answer.response ?? JSON.parse(bytes.toString("utf8"))),
    },
    responseModel: answer.responseModel,
    responseId: answer.response?.id ?? idAtStart(bytes.toString("latin1", 0, 300)),
    finishReason: answer.finishReason,
  });
  return wholeReply(call, plan, response, { bytes, answer });
}

function wholeReply(
  call: ChatCall,
  plan: CallPlan,
  response: UpstreamResponse,
  { bytes, answer }: { readonly bytes: Buffer; readonly answer: DecodedAnswer },
): Reply | Promise<Reply> {
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
    call.exchange.request.headers["accept-encoding"],
  );
}

const nothingKnown = {
  tokens: undefined,
  responseModel: undefined,
  responseId: undefined,
  finishReason: undefined,
};

/** The answer broke off, or cannot be decompressed. Throws when it did because the client left. */
function unread(call: ChatCall, plan: CallPlan, error: unknown): FailedAttempt {
  const { cancellation, settings } = call;
  const timeout = totalTimeoutOf(cancellation);
  if (timeout !== undefined) {
    plan.failed("total_timeout", "timeout");
    settle(call, plan, { failure: "timeout", ...nothingKnown });
    return failedAttempt(false, new GatewayError("upstream_timeout", {}, { cause: timeout }));
  }
  if (cancellation.aborted) {
    settle(call, plan, { failure: "aborted", ...nothingKnown });
    throw cancellation.reason;
  }
  if (!(error instanceof UpstreamError)) {
    const cause = new GatewayError("upstream_unreachable", {}, { cause: error });
    return unusable(call, plan, "invalid_body", cause);
  }
  plan.failed(error.reason, error.kind);
  settle(call, plan, { failure: "stream", ...nothingKnown });
  return failedAttempt(settings.rules.afterAnswer(error.kind), upstreamClientError(error));
}

/** nginx has no word for an answer that cannot be read; the nearest is the one for a head that cannot be. */
function unusable(call: ChatCall, plan: CallPlan, name: string, error: unknown): FailedAttempt {
  plan.failed(name);
  settle(call, plan, { failure: "unusable", ...nothingKnown });
  return failedAttempt(call.settings.rules.afterAnswer("invalid_header"), toGatewayError(error));
}

function decode(call: ChatCall, plan: CallPlan, bytes: Buffer): DecodedAnswer {
  return plan.target.chat.decode(parse(bytes, plan), {
    model: plan.resolved.model.name,
    createdSeconds: Math.floor(call.services.wallClock() / 1000),
  });
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
  const routing = routingHeader(call.facts.decision, call.facts.budget);
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
