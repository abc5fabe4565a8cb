/** Token counts for what no vendor has counted: by OpenAI's tokenizer, whoever the vendor is. Always flagged as estimates. */
import { type AnswerText, messageTexts } from "./answer-text.ts";
import type { ChatMessage, ChatRequest } from "./chat.ts";
import { isJsonObject, type JsonValue } from "./json.ts";
import type { CountTokens, Encoding } from "./token-counter.ts";
import type { Usage } from "./usage.ts";

export interface UncountedAnswer {
  readonly request: ChatRequest;
  /** The vendor's name of the model. */
  readonly model: string;
  /** What was received of the answer. */
  readonly answer: AnswerText;
  /** What the vendor has counted. */
  readonly known: Usage | undefined;
  /** The vendor has said that the answer is complete, so that its counts are the last. */
  readonly isComplete: boolean;
}

/** Whether a vendor's counts need no estimate: they are the last ones, and no request is of 0 tokens. */
export function isCounted(usage: Usage | undefined, isComplete: boolean): usage is Usage {
  return isComplete && usage !== undefined && usage.inputTokens > 0;
}

/**
 * The vendor's counts as far as it gave them, and estimates of the rest. A count of the output before the end is
 * provisional (Anthropic begins with 1), so the larger of it and our own stands. Of an answer that was broken off this is
 * a lower bound: the vendor bills what it generated until it noticed, and reasoning that it does not show.
 *
 * Published examples of OpenAI's API are met to the token, but for tools. Claude counts 15 to 20 % more on typical text, and
 * much more on code and other languages than English (Anthropic's guidance on token counting).
 */
export async function estimateUsage(uncounted: UncountedAnswer, count: CountTokens): Promise<Usage> {
  const { request, answer, known, isComplete } = uncounted;
  const encoding = encodingOf(uncounted.model);
  const isInputKnown = known !== undefined && known.inputTokens > 0;
  const isOutputKnown = known !== undefined && known.outputTokens > 0 && isComplete;
  const [inputTokens, outputTokens] = await Promise.all([
    isInputKnown ? known.inputTokens : countInput(request, encoding, count),
    isOutputKnown ? known.outputTokens : countOutput(answer, encoding, count),
  ]);
  return {
    ...known,
    inputTokens,
    outputTokens: Math.max(known?.outputTokens ?? 0, outputTokens),
    estimated: true,
  };
}

/** By tiktoken's table of models: GPT-4 and GPT-3.5 (`gpt-35` at Azure), not GPT-4o, 4.1, 4.5 and what came after. */
const olderModel = /(?:^|[/:])gpt-(?:4|3\.?5)(?![.\do])/i;

export function encodingOf(model: string): Encoding {
  return olderModel.test(model) ? "cl100k_base" : "o200k_base";
}

/**
 * OpenAI's published way (its cookbook, "How to count tokens with tiktoken", section 6): three tokens a message and one for
 * its role, one more for a name, three that begin the reply.
 */
const tokensPerMessage = 4;
const tokensPerName = 1;
const tokensOfReply = 3;

/**
 * An image costs 85 tokens where the client asks for low detail, else 85 and 170 for each tile of 512 pixels (OpenAI's
 * guide to vision, for GPT-4o). Pictures are not read here: 765 is a square one of 513 to 2048 pixels. Sound and files are
 * not counted.
 */
const tokensOfSmallImage = 85;
const tokensOfImage = 765;

async function countInput(request: ChatRequest, encoding: Encoding, count: CountTokens): Promise<number> {
  const { messages } = request;
  const texts = messages.flatMap((message) => [...messageTexts(message), ...nameOf(message)]);
  const tokens = await count([...texts, ...definitionsOf(request)], encoding);
  const overheads = messages.map(
    (message) => tokensPerMessage + tokensPerName * nameOf(message).length + imageTokens(message.content),
  );
  return overheads.reduce((sum, overhead) => sum + overhead, tokens + tokensOfReply);
}

async function countOutput(
  { texts, scale }: AnswerText,
  encoding: Encoding,
  count: CountTokens,
): Promise<number> {
  return Math.round((await count(texts, encoding)) * scale);
}

function nameOf({ name }: ChatMessage): readonly string[] {
  return typeof name === "string" && name !== "" ? [name] : [];
}

/**
 * Tools, and the schema of an answer, as JSON. The vendors write them in forms of their own: of the one tool in OpenAI's
 * example this makes 86 tokens where it bills 68.
 */
function definitionsOf(request: ChatRequest): readonly string[] {
  const format = request["response_format"];
  const schema = isJsonObject(format) ? format["json_schema"] : undefined;
  return [request["tools"], request["functions"], schema]
    .filter((definition) => definition !== undefined && definition !== null)
    .map((definition) => JSON.stringify(definition));
}

function imageTokens(content: ChatMessage["content"] | JsonValue): number {
  if (!Array.isArray(content)) return 0;
  const images = content.filter((part) => isJsonObject(part) && part["type"] === "image_url");
  return images.reduce((sum, part) => sum + (isSmall(part) ? tokensOfSmallImage : tokensOfImage), 0);
}

function isSmall(part: JsonValue): boolean {
  const image = isJsonObject(part) ? part["image_url"] : undefined;
  return isJsonObject(image) && image["detail"] === "low";
}
