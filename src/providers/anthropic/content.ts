/** Message content → content blocks. */
import { isJsonObject, type JsonObject } from "../../llm/json.ts";
import { quote, readText, untranslatable } from "../wire.ts";

/** Sentences about what could not be honoured; a set, because one is enough. */
export type Warnings = Set<string>;

/** Media types of the vision guide; the API refuses others. */
const dataImage = /^data:(image\/(?:jpeg|png|gif|webp))(?:;[^;,]*)*;base64,/;

/**
 * Text and image parts become blocks; `where` is the message's place, for errors. Blank text is left out,
 * because the API answers 400 to it. Throws `untranslatable` for parts there is no block for.
 */
export function toBlocks(content: unknown, where: string, warnings: Warnings): readonly JsonObject[] {
  if (content === undefined || content === null) return [];
  if (typeof content === "string") return toTextBlocks(content, undefined);
  if (!Array.isArray(content))
    throw untranslatable("anthropic", `${where}.content is neither text nor a list of parts`);
  const parts: readonly unknown[] = content;
  return parts.flatMap((part, index) => toPartBlocks(part, `${where}.content[${index}]`, warnings));
}

/** As `toBlocks`, for places that take text only, such as system messages. */
export function toTextOnlyBlocks(content: unknown, where: string, warnings: Warnings): readonly JsonObject[] {
  const blocks = toBlocks(content, where, warnings);
  if (blocks.some((block) => block["type"] !== "text")) {
    throw untranslatable("anthropic", `${where} holds an image, and system messages hold only text`);
  }
  return blocks;
}

function toPartBlocks(part: unknown, where: string, warnings: Warnings): readonly JsonObject[] {
  if (typeof part === "string") return toTextBlocks(part, undefined);
  const type = isJsonObject(part) ? part["type"] : part;
  if (isJsonObject(part)) {
    if (type === "text") return toTextBlocks(part["text"], part["cache_control"]);
    if (type === "refusal") return toTextBlocks(part["refusal"], undefined);
    if (type === "image_url") return [toImageBlock(part, where, warnings)];
  }
  throw untranslatable("anthropic", `${where} is of type ${quote(type)}; send text or image_url`);
}

function toTextBlocks(text: unknown, cacheControl: JsonObject[string]): readonly JsonObject[] {
  if (typeof text !== "string" || text.trim() === "") return [];
  return [{ type: "text", text, ...(isJsonObject(cacheControl) && { cache_control: cacheControl }) }];
}

function toImageBlock(part: JsonObject, where: string, warnings: Warnings): JsonObject {
  const image = isJsonObject(part["image_url"]) ? part["image_url"] : { url: part["image_url"] };
  const detail = readText(image["detail"]);
  if (detail !== undefined && detail !== "auto") {
    warnings.add("image_url.detail is not sent: images are read at one level of detail");
  }
  const cacheControl = part["cache_control"];
  return {
    type: "image",
    source: toImageSource(readText(image["url"]) ?? "", where),
    ...(isJsonObject(cacheControl) && { cache_control: cacheControl }),
  };
}

/** The URL itself stays out of the error: it may carry the picture or a signature. */
function toImageSource(url: string, where: string): JsonObject {
  const data = dataImage.exec(url);
  if (data) return { type: "base64", media_type: data[1], data: url.slice(data[0].length) };
  if (/^https?:\/\//i.test(url)) return { type: "url", url };
  throw untranslatable(
    "anthropic",
    `${where}.image_url is neither an http(s) URL nor base64 data of type image/jpeg, image/png, image/gif or image/webp`,
  );
}
