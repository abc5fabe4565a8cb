/** What may be repeated of a vendor's complaint: its message, short, without credentials and without the texts sent. */
import { isJsonObject } from "../../llm/json.ts";

export interface Sensitive {
  readonly secrets: readonly string[];
  readonly texts: readonly string[];
}

const maxLength = 300;
/** A shared run of this many characters is taken as a quotation of the text that was sent. */
const quotation = 24;
/** A whole text shorter than this is too common to be told apart from the vendor's own words. */
const shortestText = 8;

/** `message` fit to be shown: one line of at most 300 characters, "" when nothing may be shown. */
export function presentable(message: string, sensitive: Sensitive): string {
  const line = redact(message, sensitive.secrets).replace(/\s+/g, " ").trim();
  const short = line.length > maxLength ? `${line.slice(0, maxLength)}…` : line;
  return quotes(short, sensitive.texts)
    ? "(its message is withheld because it repeats the text sent)"
    : short;
}

/**
 * The message of OpenAI's shape, of `{"message"}`, `{"error": "…"}`, and of FastAPI's `{"detail"}` (also inside
 * `message`, as Mistral has it), whose items also carry the whole input and are therefore read for `msg` only. A body
 * that is not JSON is its own message unless it is a page. Not fit to be shown: see `presentable`.
 */
export function messageIn(body: string): string {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return body.trimStart().startsWith("<") ? "(an HTML page)" : body.slice(0, 4 * maxLength);
  }
  if (!isJsonObject(json)) return "";
  const { error, message, detail } = json;
  const inner = isJsonObject(message) ? details(message["detail"]) : details(message);
  const candidates = [isJsonObject(error) ? error["message"] : error, ...inner, ...details(detail)];
  return candidates.filter((candidate) => typeof candidate === "string").join("; ");
}

function details(detail: unknown): readonly unknown[] {
  if (!Array.isArray(detail)) return [detail];
  return detail.map((item) => {
    if (!isJsonObject(item)) return undefined;
    const place = Array.isArray(item["loc"]) ? `${item["loc"].join(".")}: ` : "";
    return typeof item["msg"] === "string" ? `${place}${item["msg"]}` : undefined;
  });
}

/** Vendors quote keys back, whole or starred (`sk-abc…***wxyz`). */
function redact(message: string, secrets: readonly string[]): string {
  const known = secrets.filter((secret) => secret.length > 0);
  const withoutKnown = known.reduce((text, secret) => text.replaceAll(secret, "[redacted]"), message);
  return withoutKnown.replace(/\b(?:sk|pk|key)[-_][\w*.-]{4,}/gi, "[redacted]");
}

/** Both sides on one line: a vendor may wrap what it quotes. */
function quotes(message: string, originals: readonly string[]): boolean {
  const texts = originals.map((text) => text.replace(/\s+/g, " ").trim());
  if (texts.some((text) => text.length >= shortestText && message.includes(text))) return true;
  for (let at = 0; at + quotation <= message.length; at++) {
    const window = message.slice(at, at + quotation);
    if (texts.some((text) => text.includes(window))) return true;
  }
  return false;
}
