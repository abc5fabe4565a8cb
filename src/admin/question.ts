/** What somebody asks of a running gateway: where would this request go? */
import { GatewayError } from "../errors.ts";
import { isJsonObject, type JsonObject } from "../llm/json.ts";
import { nearestName } from "../util/nearest-name.ts";

export interface Question {
  /** The JSON body a client would send. */
  readonly body: JsonObject;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** `instance_name` or id of the plugin to ask; undefined: all that choose a target. */
  readonly plugin: string | undefined;
}

export interface QuestionFields {
  readonly prompt?: string | undefined;
  readonly body?: JsonObject | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly model?: string | undefined;
  readonly plugin?: string | undefined;
}

const fieldNames = [
  "prompt",
  "body",
  "headers",
  "model",
  "plugin",
] as const satisfies (keyof QuestionFields)[];

/** The question of a request's body. Throws `bad_question` with what is wrong, where, and what to do. */
export function parseQuestion(text: string): Question {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw wrong(`the body is not JSON: send ${example}`, cause);
  }
  if (!isJsonObject(value)) throw wrong(`the body is not an object: send ${example}`);
  for (const name of Object.keys(value)) refuseUnknown(name);
  return createQuestion({
    prompt: textOf(value, "prompt"),
    body: objectOf(value, "body"),
    headers: headersOf(value),
    model: textOf(value, "model"),
    plugin: textOf(value, "plugin"),
  });
}

/** A prompt stands for a chat request of one message; `model` replaces the request's own. Throws `bad_question`. */
export function createQuestion({ prompt, body, headers = {}, model, plugin }: QuestionFields): Question {
  if (prompt !== undefined && body !== undefined)
    throw wrong("`prompt` and `body` exclude each other: send one");
  const request =
    body ?? (prompt === undefined ? undefined : { messages: [{ role: "user", content: prompt }] });
  if (request === undefined) throw wrong(`there is neither a \`prompt\` nor a \`body\`: send ${example}`);
  return { body: model === undefined ? request : { ...request, model }, headers: lowerCase(headers), plugin };
}

const example = '{"prompt":"…"}, or {"body":{…}} with a chat request';

function wrong(reason: string, cause?: unknown): GatewayError {
  return new GatewayError("bad_question", { reason }, cause === undefined ? {} : { cause });
}

function refuseUnknown(name: string): void {
  if ((fieldNames as readonly string[]).includes(name)) return;
  const near = nearestName(name, fieldNames);
  const remedy = near === undefined ? ` (known: ${fieldNames.join(", ")})` : `: did you mean \`${near}\`?`;
  throw wrong(`unknown field \`${name.slice(0, 60)}\`${remedy}`);
}

function textOf(value: JsonObject, name: string): string | undefined {
  const field = value[name];
  if (field === undefined || typeof field === "string") return field;
  throw wrong(`\`${name}\` is not a text: put it in quotes, or leave it out`);
}

function objectOf(value: JsonObject, name: string): JsonObject | undefined {
  const field = value[name];
  if (field === undefined || isJsonObject(field)) return field;
  throw wrong(`\`${name}\` is not an object: send {…}, or leave it out`);
}

function headersOf(value: JsonObject): Readonly<Record<string, string>> | undefined {
  const headers = objectOf(value, "headers");
  if (headers === undefined) return undefined;
  const texts: Record<string, string> = {};
  for (const [name, header] of Object.entries(headers)) {
    if (typeof header !== "string")
      throw wrong(`\`headers.${name.slice(0, 60)}\` is not a text: put it in quotes`);
    texts[name] = header;
  }
  return texts;
}

function lowerCase(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
