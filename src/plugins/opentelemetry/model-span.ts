/** The span `kong.gen_ai`: a call of a model over all its attempts, by the GenAI conventions (semconv 1.45, in development). */
import type { AiFacts } from "../../llm/ai-facts.ts";
import type { AccessRecord } from "../../telemetry/access-record.ts";
import { type EndedExchange, epochMs } from "./ended-exchange.ts";
import { inputMessages, outputOf } from "./messages.ts";
import type { Attributes, Span } from "./span.ts";

/** The event at the first piece of a stream. */
const firstToken = "sluice.first_token";

export function modelSpan({ endedAt, exchange, record, trace }: EndedExchange, facts: AiFacts): Span {
  const { llmLatencyMs, startedAt = exchange.startedAt, timeToFirstTokenMs } = facts;
  const at = (monotonicMs: number) => epochMs(exchange, monotonicMs);
  const failure = failureOf(facts, record);
  const output = outputOf(facts.payload?.response);
  return {
    name: "kong.gen_ai",
    kind: "client",
    spanId: trace.newSpanId(),
    parent: { spanId: trace.spanId, isRemote: false },
    startMs: at(startedAt),
    endMs: at(failure === undefined && llmLatencyMs !== undefined ? startedAt + llmLatencyMs : endedAt),
    attributes: {
      "gen_ai.operation.name": operations[facts.routeType] ?? facts.routeType,
      "gen_ai.provider.name": facts.provider,
      "error.type": failure,
      ...requestAttributes(facts),
      ...answerAttributes(facts),
      ...routingAttributes(facts),
      "gen_ai.input.messages": inputMessages(facts.payload?.request),
      "gen_ai.output.messages": output.messages,
      "gen_ai.tool.type": output.toolCall === undefined ? undefined : "function",
      "gen_ai.tool.call.id": output.toolCall?.id,
      "gen_ai.tool.name": output.toolCall?.name,
    },
    error: failure === clientLeft ? undefined : failure,
    events:
      timeToFirstTokenMs === undefined
        ? []
        : [{ name: firstToken, atMs: at(startedAt + timeToFirstTokenMs) }],
  };
}

const clientLeft = "client_aborted";

/** The conventions' words for Kong's route types. */
const operations: Readonly<Record<string, string>> = {
  "llm/v1/chat": "chat",
  "llm/v1/completions": "text_completion",
  "llm/v1/embeddings": "embeddings",
};

/** Why the client has no whole answer of a model. An attempt that failed before another one answered is not it. */
function failureOf(facts: AiFacts, record: AccessRecord): string | undefined {
  if (facts.streamError !== undefined) return facts.streamError;
  if (record.client_aborted === true) return clientLeft;
  const last = facts.tried.at(-1);
  if (last === undefined) return String(record.response.status);
  return last.failure;
}

function requestAttributes({ mode, parameters, requestModel }: AiFacts): Attributes {
  return {
    "gen_ai.request.model": requestModel,
    "gen_ai.request.stream": mode === "stream",
    "gen_ai.request.max_tokens": parameters?.maxTokens,
    "gen_ai.request.temperature": parameters?.temperature,
    "gen_ai.request.top_p": parameters?.topP,
    "gen_ai.request.top_k": parameters?.topK,
    "gen_ai.request.frequency_penalty": parameters?.frequencyPenalty,
    "gen_ai.request.presence_penalty": parameters?.presencePenalty,
    "gen_ai.request.seed": parameters?.seed,
    "gen_ai.request.choice.count": parameters?.choices === 1 ? undefined : parameters?.choices,
    "gen_ai.output.type": parameters?.outputType,
  };
}

function answerAttributes(facts: AiFacts): Attributes {
  const { finishReason, timeToFirstTokenMs: firstMs, usage } = facts;
  return {
    "gen_ai.response.id": facts.responseId,
    "gen_ai.response.model": facts.responseModel,
    "gen_ai.response.finish_reasons": finishReason === undefined ? undefined : [finishReason],
    "gen_ai.response.time_to_first_chunk": firstMs === undefined ? undefined : firstMs / 1000,
    "gen_ai.usage.input_tokens": usage?.inputTokens,
    "gen_ai.usage.output_tokens": usage?.outputTokens,
    "gen_ai.usage.cache_read.input_tokens": usage?.cachedInputTokens,
    "gen_ai.usage.cache_creation.input_tokens": usage?.cacheWriteTokens,
    "gen_ai.usage.reasoning.output_tokens": usage?.reasoningTokens,
    "sluice.usage.estimated": usage?.estimated,
    "sluice.cost.usd": facts.costUsd,
    "sluice.cost.price_source": facts.priceSource,
    "sluice.warnings": facts.warnings,
  };
}

/** Why it went where it went. */
function routingAttributes({ algorithm, decision, tried }: AiFacts): Attributes {
  const last = tried.at(-1);
  const nearest = decision?.groups[0];
  return {
    "sluice.routing.algorithm": algorithm,
    "sluice.routing.target": last === undefined ? undefined : `${last.provider}/${last.model}`,
    "sluice.routing.attempts": tried.length,
    "sluice.routing.reason": decision?.reason,
    "sluice.routing.group": nearest?.description,
    "sluice.routing.distance": nearest?.distance,
    "sluice.routing.threshold": decision?.threshold,
    "sluice.routing.metric": decision?.metric,
    "sluice.routing.margin": decision?.margin,
    "sluice.routing.inherited": decision?.inherited,
    "sluice.routing.embedding.model": decision?.embedding?.model,
    "sluice.routing.embedding.cached": decision?.embedding?.cached,
    "sluice.routing.embedding.latency_ms": decision?.embedding?.latencyMs,
  };
}
