/** Streams that already speak OpenAI's chunks: relayed as text, read only where there is something to account for. */
import type { ServerSentEvent } from "../http/sse.ts";
import { isJsonObject, type JsonObject } from "../llm/json.ts";
import { readUsage } from "./openai-compatible-usage.ts";
import type { ChunkSink, StreamDecoder, StreamOptions } from "./provider.ts";
import { parseJson, readArray, readErrorMessage, readText, undecodableEvent } from "./wire.ts";

const isColon = (code: number) => code === 58;
const isText = (code: number) => code === 34;
const isObject = (code: number) => code === 123;
const isNotNull = (code: number) => code !== 110;

/**
 * Decodes a stream of `chat.completion.chunk` events. An ordinary content chunk is not parsed; one is parsed when it
 * names the model, ends a choice, carries tokens or an error.
 */
export function createChunkDecoder(options: StreamOptions): StreamDecoder {
  return new ChunkDecoder(options);
}

class ChunkDecoder implements StreamDecoder {
  readonly #includeUsage: boolean;
  readonly #choices: number;
  readonly #ended = new Set<number>();
  #finishReason: string | undefined;
  /** Of any chunk that is parsed; vendors repeat it in all or none, and the last may come without. */
  #serviceTier: string | undefined;
  #looksForModel = true;
  #isComplete = false;
  #isOver = false;

  constructor(options: StreamOptions) {
    this.#includeUsage = options.includeUsage;
    this.#choices = Math.max(1, options.choices ?? 1);
  }

  push(event: ServerSentEvent, sink: ChunkSink): void {
    if (this.#isOver) return;
    const json = onOneLine(event.data.trim());
    if (json === "") return;
    if (json === "[DONE]") {
      this.#complete(sink);
      this.#isOver = true;
    } else if (event.event !== "error" && !this.#mustParse(json)) {
      this.#onContent(json, sink);
    } else {
      this.#onParsed(event, json, sink);
    }
  }

  #onContent(json: string, sink: ChunkSink): void {
    const looksWhole = json.startsWith("{") && json.endsWith("}");
    if (looksWhole) sink.chunk(this.#includeUsage ? json : withoutNullUsage(json));
    else this.#fail(undecodableEvent, sink);
  }

  #onParsed(event: ServerSentEvent, json: string, sink: ChunkSink): void {
    const chunk = parseJson(json);
    if (!isJsonObject(chunk)) this.#fail(undecodableEvent, sink);
    else if (event.event === "error" || chunk["error"]) this.#fail(readErrorMessage(chunk), sink);
    else this.#onChunk(json, chunk, sink);
  }

  #mustParse(json: string): boolean {
    return (
      this.#looksForModel ||
      hasValue(json, '"finish_reason"', isText) ||
      hasValue(json, '"usage"', isObject) ||
      hasValue(json, '"error"', isNotNull)
    );
  }

  #onChunk(json: string, chunk: JsonObject, sink: ChunkSink): void {
    const choices = readArray(chunk["choices"]);
    this.#readModel(chunk, choices, sink);
    this.#serviceTier = readText(chunk["service_tier"]) ?? this.#serviceTier;
    const usage = readUsage(chunk["usage"], this.#serviceTier);
    if (usage !== undefined) sink.usage(usage);
    const relayed = this.#relayed(json, chunk, choices);
    if (relayed !== undefined) sink.chunk(relayed);
    this.#readEnds(choices, sink);
  }

  /** The first chunk may only report on content filters and name no model; the search ends with the first choice. */
  #readModel(chunk: JsonObject, choices: readonly unknown[], sink: ChunkSink): void {
    if (!this.#looksForModel) return;
    const model = readText(chunk["model"]);
    if (model !== undefined) sink.model(model);
    this.#looksForModel = model === undefined && choices.length === 0;
  }

  /** What the client sees of a chunk that was parsed: usage only if it asked, and nothing of a chunk that is all usage. */
  #relayed(json: string, chunk: JsonObject, choices: readonly unknown[]): string | undefined {
    if (this.#includeUsage) return json;
    if (!isJsonObject(chunk["usage"])) return withoutNullUsage(json);
    if (choices.length === 0) return undefined;
    const { usage: _usage, ...rest } = chunk;
    return JSON.stringify(rest);
  }

  #readEnds(choices: readonly unknown[], sink: ChunkSink): void {
    for (const [position, choice] of choices.entries()) {
      const reason = isJsonObject(choice) ? readText(choice["finish_reason"]) : undefined;
      if (!isJsonObject(choice) || reason === undefined) continue;
      this.#finishReason ??= reason;
      this.#ended.add(typeof choice["index"] === "number" ? choice["index"] : position);
    }
    if (this.#ended.size >= this.#choices) this.#complete(sink);
  }

  #complete(sink: ChunkSink): void {
    if (this.#isComplete) return;
    this.#isComplete = true;
    sink.complete(this.#finishReason);
  }

  #fail(message: string, sink: ChunkSink): void {
    this.#isOver = true;
    sink.fail(message);
  }
}

/** JSON strings hold no raw line break, so every one in JSON text is only white space. */
function onOneLine(json: string): string {
  return json.includes("\n") || json.includes("\r") ? json.replaceAll(/[\r\n]+/g, " ") : json;
}

/**
 * Whether some key of this name (given with its quotes) has a value whose first character passes the test.
 * Inside a JSON string a quote is always escaped, so `"name"` before a colon is a key and never text.
 */
function hasValue(json: string, name: string, passes: (firstCharacter: number) => boolean): boolean {
  for (let at = json.indexOf(name); at !== -1; at = json.indexOf(name, at + name.length)) {
    const value = valueIndex(json, at + name.length);
    if (value !== -1 && passes(json.charCodeAt(value))) return true;
  }
  return false;
}

/** Where the value begins after a quoted name that ends at `index`; -1 when that was a value itself. */
function valueIndex(json: string, index: number): number {
  const at = skipSpace(json, index);
  return isColon(json.charCodeAt(at)) ? skipSpace(json, at + 1) : -1;
}

function skipSpace(json: string, index: number): number {
  let at = index;
  while (json.charCodeAt(at) === 32) at += 1;
  return at;
}

/** `,"usage":null` or `"usage":null,`: what servers add to every chunk when they are asked to count. */
const nullUsage = /,\s*"usage"\s*:\s*null(?=\s*[,}])|(?<=\{\s*)"usage"\s*:\s*null\s*,?/;

function withoutNullUsage(json: string): string {
  return json.includes('"usage"') ? json.replace(nullUsage, "") : json;
}
