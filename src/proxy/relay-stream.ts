/** A stream on its way: upstream bytes ▸ events ▸ OpenAI chunks ▸ client, at the client's pace, with an honest end. */

import { GatewayError } from "../errors.ts";
import type { BodyFlow, BodySink, BodyStream } from "../http/reply.ts";
import { createSseParser, type SseParser } from "../http/sse-parser.ts";
import { sseData, sseDone, sseError } from "../http/sse-writer.ts";
import { UpstreamError } from "../http/upstream-client.ts";
import { estimateUsage, firstContentLength } from "../llm/estimate.ts";
import type { Usage } from "../llm/usage.ts";
import type { ChunkSink, StreamDecoder } from "../providers/provider.ts";
import type { CallPlan } from "./call.ts";
import type { ChatCall } from "./chat-call.ts";
import { settle } from "./settle.ts";

/** The client's event stream for an upstream's. `upstream` is plain bytes of server-sent events. */
export function createStreamRelay(call: ChatCall, plan: CallPlan, upstream: BodyStream): BodyStream {
  return {
    start(sink) {
      const relay = new StreamRelay(call, plan, sink);
      return relay.start(upstream);
    },
  };
}

/** A logged stream keeps its chunks up to about so much text; the rest of an endless one is not worth the memory. */
const maxPayloadCharacters = 1_000_000;

class StreamRelay implements ChunkSink {
  readonly #call: ChatCall;
  readonly #plan: CallPlan;
  readonly #sink: BodySink;
  readonly #decoder: StreamDecoder;
  readonly #parser: SseParser;
  #flow: BodyFlow | undefined;
  /** Written to the client once per upstream read. */
  #out = "";
  #usage: Usage | undefined;
  #model: string | undefined;
  #finishReason: string | undefined;
  #isComplete = false;
  #isOver = false;
  #answered = 0;
  readonly #payload: string[] | undefined;

  constructor(call: ChatCall, plan: CallPlan, sink: BodySink) {
    this.#call = call;
    this.#plan = plan;
    this.#sink = sink;
    this.#payload = call.facts.payload === undefined ? undefined : [];
    this.#decoder = plan.target.chat.stream({
      includeUsage: call.request.stream_options?.include_usage === true,
      model: plan.resolved.model.name,
      createdSeconds: Math.floor(call.services.wallClock() / 1000),
      ...(typeof call.request["n"] === "number" && { choices: call.request["n"] }),
    });
    this.#parser = createSseParser((event) => {
      if (!this.#isOver) this.#decoder.push(event, this);
    });
  }

  start(upstream: BodyStream): BodyFlow {
    const flow = upstream.start({
      write: (bytes) => this.#read(bytes),
      end: () => this.#end(),
      fail: (error) => this.#cut(error),
    });
    this.#flow = flow;
    // The answer may already have failed while it was being handed over.
    if (this.#isOver) flow.cancel(new Error("the stream is over"));
    return {
      resume: () => flow.resume(),
      cancel: (reason) => {
        flow.cancel(reason);
        this.#leave();
      },
    };
  }

  // What the decoder finds.

  chunk(json: string): void {
    const { facts, services, startedAt } = this.#call;
    if (facts.timeToFirstTokenMs === undefined) facts.timeToFirstTokenMs = services.now() - startedAt;
    this.#answered += firstContentLength(json);
    if (this.#payload !== undefined && this.#answered <= maxPayloadCharacters) this.#payload.push(json);
    this.#out += sseData(json);
  }

  usage(usage: Usage): void {
    this.#usage = usage;
  }

  model(name: string): void {
    this.#model = name;
  }

  complete(finishReason: string | undefined): void {
    this.#isComplete = true;
    this.#finishReason = finishReason ?? this.#finishReason;
  }

  fail(message: string): void {
    this.#conclude(new GatewayError("upstream_stream_error", { reason: message }));
  }

  // What the upstream does.

  #read(bytes: Uint8Array | string): boolean {
    if (this.#isOver) return true;
    try {
      this.#parser.push(typeof bytes === "string" ? Buffer.from(bytes) : bytes);
    } catch (cause) {
      this.#conclude(new GatewayError("stream_cut", {}, { cause }));
      return true;
    }
    return this.#flush();
  }

  #flush(): boolean {
    if (this.#out === "") return true;
    const text = this.#out;
    this.#out = "";
    return this.#sink.write(text);
  }

  #end(): void {
    if (this.#isOver) return;
    if (!this.#isComplete) this.#readLeftover();
    if (this.#isOver) return;
    if (!this.#isComplete) {
      this.#conclude(new GatewayError("stream_cut"));
      return;
    }
    this.#isOver = true;
    this.#settle({ ok: true, clientAborted: false });
    this.#out += sseDone;
    this.#flush();
    this.#sink.end();
  }

  /** Some vendors end without the blank line that closes an event; half an event is not one. */
  #readLeftover(): void {
    const leftover = this.#parser.end();
    if (leftover !== undefined && isWhole(leftover.data)) this.#decoder.push(leftover, this);
  }

  #cut(error: Error): void {
    if (this.#isOver) return;
    // The vendor had said everything; that the connection then broke changes nothing for the client.
    if (this.#isComplete) this.#end();
    else {
      const code =
        error instanceof UpstreamError && error.kind === "timeout" ? "upstream_timeout" : "stream_cut";
      this.#conclude(new GatewayError(code, {}, { cause: error }));
    }
  }

  /** Ends the client's stream with an error event; a `[DONE]` would say that all is well. */
  #conclude(error: GatewayError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#call.facts.streamError = error.code;
    this.#plan.failed(error.code);
    this.#flow?.cancel(error);
    this.#settle({ ok: false, clientAborted: false });
    this.#out += sseError(error.toBody(this.#call.exchange.id));
    this.#flush();
    this.#sink.end();
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#call.facts.streamError = "client_aborted";
    this.#settle({ ok: false, clientAborted: true });
  }

  #settle(end: { readonly ok: boolean; readonly clientAborted: boolean }): void {
    const { facts } = this.#call;
    if (this.#payload !== undefined && facts.payload !== undefined)
      facts.payload.response = `[${this.#payload.join(",")}]`;
    settle(this.#call, this.#plan, {
      ...end,
      usage: this.#isComplete && this.#usage !== undefined ? this.#usage : this.#estimate(),
      responseModel: this.#model,
      finishReason: this.#finishReason,
    });
  }

  /** Counts before the end are provisional: the larger of the vendor's and our own estimate stands. */
  #estimate(): Usage {
    const estimate = estimateUsage(this.#call.request, this.#answered);
    const known = this.#usage;
    if (known === undefined) return estimate;
    return { ...known, outputTokens: Math.max(known.outputTokens, estimate.outputTokens), estimated: true };
  }
}

function isWhole(data: string): boolean {
  if (data.trim() === "[DONE]") return true;
  try {
    JSON.parse(data);
    return true;
  } catch {
    return false;
  }
}
