/** A stream on its way: upstream bytes ▸ events ▸ OpenAI chunks ▸ client, at the client's pace, with an honest end. */

import type { AttemptFailure } from "../balancer/balancer.ts";
import type { BodyFlow, BodySink, BodyStream, Reply, ReplyHeaders } from "../http/reply.ts";
import { createSseParser, type SseParser } from "../http/sse-parser.ts";
import { sseData, sseDone, sseError } from "../http/sse-writer.ts";
import { idAtStart } from "../llm/answer-id.ts";
import { AnswerCollector } from "../llm/answer-text.ts";
import type { Usage } from "../llm/usage.ts";
import type { ChunkSink, StreamDecoder } from "../providers/provider.ts";
import { answerFromChunks } from "./answer-from-chunks.ts";
import type { CallPlan } from "./call.ts";
import type { ChatCall } from "./chat-call.ts";
import { type FailedAttempt, failedAttempt } from "./failed-attempt.ts";
import { hasContent } from "./first-content.ts";
import { settle } from "./settle.ts";
import {
  bodyFailure,
  endedEarly,
  type StreamFailure,
  timeIsUp,
  unreadable,
  vendorFailure,
} from "./stream-failure.ts";
import { totalTimeoutOf } from "./total-timeout.ts";

export interface StreamAnswer {
  readonly call: ChatCall;
  readonly plan: CallPlan;
  /** For the client. */
  readonly headers: ReplyHeaders;
  /** Plain bytes of server-sent events. */
  readonly upstream: BodyStream;
}

/**
 * The client's event stream for an upstream's. With `streamHoldMs` nothing is committed before the first content has
 * come, the answer is complete, or that time has passed; a failure before that is one of the attempt.
 */
export function relayStream(answer: StreamAnswer): Reply | Promise<Reply | FailedAttempt> {
  const relay = new StreamRelay(answer);
  const { streamHoldMs } = answer.call.settings;
  return streamHoldMs === 0 ? relay.reply : relay.hold(streamHoldMs);
}

/** A logged stream keeps its chunks up to about so much text; the rest of an endless one is not worth the memory. */
const maxPayloadCharacters = 1_000_000;

/** What is held back at most; far above what opens a stream. */
const maxHeldCharacters = 65_536;

/** Somebody waits for the stream to be committed, or to fail. */
interface Waiting {
  readonly resolve: (result: Reply | FailedAttempt) => void;
  readonly reject: (reason: unknown) => void;
  readonly cancelTimer: () => void;
}

class StreamRelay implements ChunkSink, BodyStream {
  readonly reply: Reply;
  readonly #call: ChatCall;
  readonly #plan: CallPlan;
  readonly #upstream: BodyStream;
  readonly #decoder: StreamDecoder;
  readonly #parser: SseParser;
  readonly #onAbort = () => this.#abort();
  /** Defined while the stream is held back. */
  #waiting: Waiting | undefined;
  /** The client, once it reads. */
  #sink: BodySink | undefined;
  #flow: BodyFlow | undefined;
  #isOpen = false;
  /** The upstream has been told to stop because nobody reads yet. */
  #isBlocked = false;
  /** Written to the client once per upstream read. */
  #out = "";
  #usage: Usage | undefined;
  #model: string | undefined;
  #id: string | undefined;
  #finishReason: string | undefined;
  #isComplete = false;
  #isOver = false;
  readonly #answer = new AnswerCollector();
  readonly #payload: string[] | undefined;

  constructor({ call, plan, headers, upstream }: StreamAnswer) {
    this.reply = { status: 200, headers, body: this };
    this.#call = call;
    this.#plan = plan;
    this.#upstream = upstream;
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

  // Before and when the client reads.

  /** Resolves with the reply once it is to be sent, or with the failure that came first; rejects when the client leaves. */
  hold(holdMs: number): Promise<Reply | FailedAttempt> {
    return new Promise((resolve, reject) => {
      const cancelTimer = this.#call.services.schedule(holdMs, () => this.#commit());
      this.#waiting = { resolve, reject, cancelTimer };
      this.#open();
    });
  }

  start(sink: BodySink): BodyFlow {
    this.#sink = sink;
    if (this.#isOpen) this.#handOver(sink);
    else this.#open();
    return {
      resume: () => this.#flow?.resume(),
      cancel: (reason) => this.#leave(reason),
    };
  }

  #handOver(sink: BodySink): void {
    const hasRoom = this.#flush();
    if (this.#isOver) sink.end();
    else if (this.#isBlocked && hasRoom) this.#flow?.resume();
    this.#isBlocked = false;
  }

  #open(): void {
    this.#isOpen = true;
    const { cancellation } = this.#call;
    cancellation.addEventListener("abort", this.#onAbort);
    const flow = this.#upstream.start({
      write: (bytes) => this.#read(bytes),
      end: () => this.#end(),
      fail: (error) => this.#cut(error),
    });
    this.#flow = flow;
    // The answer may already have failed while it was being handed over.
    if (this.#isOver) flow.cancel(new Error("the stream is over"));
    else if (cancellation.aborted) this.#abort();
  }

  /** From here on the answer is this one. */
  #commit(): void {
    this.#endWait()?.resolve(this.reply);
  }

  #endWait(): Waiting | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.cancelTimer();
    return waiting;
  }

  // What the decoder finds.

  chunk(json: string): void {
    const { facts, services, startedAt } = this.#call;
    if (facts.timeToFirstTokenMs === undefined) {
      facts.timeToFirstTokenMs = services.now() - startedAt;
      this.#id = idAtStart(json);
    }
    this.#answer.add(json);
    if (this.#payload !== undefined && this.#answer.characters <= maxPayloadCharacters)
      this.#payload.push(json);
    this.#out += sseData(json);
    if (this.#waiting !== undefined && hasContent(json)) this.#commit();
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
    this.#commit();
  }

  fail(message: string): void {
    this.#fail(vendorFailure(message));
  }

  // What the upstream does.

  #read(bytes: Uint8Array | string): boolean {
    if (this.#isOver) return true;
    try {
      this.#parser.push(typeof bytes === "string" ? Buffer.from(bytes) : bytes);
    } catch (cause) {
      this.#fail(unreadable(cause));
      return true;
    }
    return this.#flush();
  }

  #flush(): boolean {
    if (this.#sink === undefined) return this.#keep();
    if (this.#out === "") return true;
    const text = this.#out;
    this.#out = "";
    return this.#sink.write(text);
  }

  /** Nobody reads yet: while the stream is held back we read on, then the upstream waits for the client. */
  #keep(): boolean {
    if (this.#out.length > maxHeldCharacters) this.#commit();
    this.#isBlocked = this.#waiting === undefined;
    return !this.#isBlocked;
  }

  #end(): void {
    if (this.#isOver) return;
    if (!this.#isComplete) this.#readLeftover();
    if (this.#isOver) return;
    if (!this.#isComplete) this.#fail(endedEarly());
    else this.#finish();
  }

  #finish(): void {
    this.#over();
    this.#settle(undefined);
    this.#out += sseDone;
    this.#flush();
    this.#sink?.end();
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
    else if (this.#call.cancellation.aborted) this.#abort();
    else this.#fail(bodyFailure(error));
  }

  // The ends.

  /** The client is gone, or the time is up. */
  #abort(): void {
    if (this.#isOver) return;
    const { cancellation } = this.#call;
    const timeout = totalTimeoutOf(cancellation);
    if (timeout === undefined) {
      this.#leave(cancellation.reason as Error); // as the exchange gave it
    } else if (this.#isComplete) {
      this.#flow?.cancel(timeout);
      this.#end();
    } else this.#fail(timeIsUp(timeout));
  }

  #leave(reason: Error): void {
    this.#flow?.cancel(reason);
    if (this.#isOver) return;
    this.#over();
    this.#call.facts.streamError = "client_aborted";
    this.#settle("aborted");
    this.#endWait()?.reject(reason);
  }

  #fail({ error, name, criterion, kind }: StreamFailure): void {
    if (this.#isOver) return;
    this.#over();
    this.#plan.failed(name ?? error.code, error.code);
    this.#flow?.cancel(error);
    this.#settle(kind);
    const waiting = this.#endWait();
    if (waiting !== undefined) {
      // Nothing has been sent yet, so that the client can be told with a status.
      const mayRepeat = criterion !== undefined && this.#call.settings.rules.afterAnswer(criterion);
      waiting.resolve(failedAttempt(mayRepeat, error));
      return;
    }
    this.#call.facts.streamError = error.code;
    // A `[DONE]` would say that all is well.
    this.#out += sseError(error.toBody(this.#call.exchange.id));
    this.#flush();
    this.#sink?.end();
  }

  #over(): void {
    this.#isOver = true;
    this.#call.cancellation.removeEventListener("abort", this.#onAbort);
  }

  #settle(failure: AttemptFailure | "aborted" | undefined): void {
    const { facts } = this.#call;
    if (this.#payload !== undefined && facts.payload !== undefined)
      facts.payload.response = JSON.stringify(answerFromChunks(this.#payload));
    settle(this.#call, this.#plan, {
      failure,
      tokens: { known: this.#usage, isComplete: this.#isComplete, answer: () => this.#answer.read() },
      responseModel: this.#model,
      responseId: this.#id,
      finishReason: this.#finishReason,
    });
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
