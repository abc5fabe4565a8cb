/** JSON Schemas cut down to what the vendor's constrained decoding can enforce. */
import { isJsonObject, type JsonObject, type JsonValue } from "../../llm/json.ts";
import { untranslatable } from "../wire.ts";
import type { Warnings } from "./content.ts";

/**
 * Keywords that the structured-outputs guide lists as refused. The vendor's own SDKs leave them out as well and tell
 * the model about them in the description, which is what we do.
 */
const refused = new Set([
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength",
  "maxItems",
  "uniqueItems",
  "minProperties",
  "maxProperties",
]);

/** Keywords whose value is one schema, a list of schemas, or a map of names to schemas. */
const oneSchema = new Set(["items", "additionalProperties", "not", "contains"]);
const schemaLists = new Set(["anyOf", "allOf", "oneOf", "prefixItems"]);
const schemaMaps = new Set(["properties", "$defs", "definitions", "patternProperties"]);

/** Deeper than any schema that a person writes; without a bound a hostile one would exhaust the stack. */
const maxDepth = 64;

/**
 * The same schema, a little narrower: objects that say nothing about further properties get none, as the vendor demands,
 * and bounds it cannot enforce move into the description. What fits the result and heeds the description fits the
 * original.
 */
export function toOutputSchema(schema: JsonObject, where: string, warnings: Warnings): JsonObject {
  const dropped = new Set<string>();
  const narrowed = narrow(schema, 0, { where, dropped });
  if (dropped.size > 0) {
    warnings.add(
      `${where}: ${[...dropped].join(", ")} cannot be enforced and are only described to the model`,
    );
  }
  return narrowed;
}

interface Context {
  readonly where: string;
  readonly dropped: Set<string>;
}

function narrow(schema: JsonObject, depth: number, context: Context): JsonObject {
  if (depth > maxDepth)
    throw untranslatable("anthropic", `${context.where} is nested deeper than ${maxDepth} levels`);
  const kept: Record<string, JsonValue | undefined> = {};
  const bounds: string[] = [];
  for (const [keyword, value] of Object.entries(schema)) {
    if (!isRefused(keyword, value)) {
      kept[keyword] = narrowKeyword(keyword, value, depth + 1, context);
      continue;
    }
    bounds.push(`${keyword}: ${JSON.stringify(value)}`);
    context.dropped.add(keyword);
  }
  if (isObjectSchema(schema) && schema["additionalProperties"] === undefined)
    kept["additionalProperties"] = false;
  if (bounds.length > 0) kept["description"] = describe(schema["description"], bounds);
  return kept;
}

/** `minItems` is enforced for 0 and 1 only. */
function isRefused(keyword: string, value: unknown): boolean {
  return refused.has(keyword) || (keyword === "minItems" && value !== 0 && value !== 1);
}

function narrowKeyword(
  keyword: string,
  value: JsonValue | undefined,
  depth: number,
  context: Context,
): JsonValue | undefined {
  if (oneSchema.has(keyword) && isJsonObject(value)) return narrow(value, depth, context);
  if (schemaLists.has(keyword) && Array.isArray(value)) {
    return value.map((item: JsonValue) => (isJsonObject(item) ? narrow(item, depth, context) : item));
  }
  if (!schemaMaps.has(keyword) || !isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      isJsonObject(item) ? narrow(item, depth, context) : item,
    ]),
  );
}

function isObjectSchema(schema: JsonObject): boolean {
  return schema["type"] === "object" || isJsonObject(schema["properties"]);
}

function describe(description: JsonValue | undefined, bounds: readonly string[]): string {
  const note = `(${bounds.join(", ")})`;
  return typeof description === "string" && description !== "" ? `${description} ${note}` : note;
}
