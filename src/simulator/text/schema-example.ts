/** A value that fits a JSON schema, filled with the words of a prompt. */
import { isJsonObject, type JsonObject, type JsonValue } from "../../llm/json.ts";

/** Deeper than this a recursive schema gets its optional parts left out. */
const maxDepth = 12;

interface Filling {
  readonly root: JsonObject;
  /** Taken in turn for string values. */
  readonly words: readonly string[];
  used: number;
}

/**
 * Covers what models are asked for in practice: type, properties, required, items, enum, const, default, bounds, common
 * formats, anyOf/oneOf/allOf and local `$ref`. Patterns are not honoured. Only required properties are filled; all of
 * them where none is required. `words` must not be empty.
 */
export function schemaExample(schema: JsonValue | undefined, words: readonly string[]): JsonValue {
  const root = isJsonObject(schema) ? schema : {};
  return example(root, { root, words, used: 0 }, 0);
}

function example(schema: JsonObject, filling: Filling, depth: number): JsonValue {
  if (depth > maxDepth) return null;
  const fixed = fixedValue(schema);
  if (fixed !== undefined) return fixed;
  const other = alternative(schema, filling);
  if (other !== undefined) return example(other, filling, depth + 1);
  switch (typeOf(schema)) {
    case "object":
      return exampleObject(schema, filling, depth);
    case "array":
      return exampleArray(schema, filling, depth);
    case "integer":
      return exampleNumber(schema, 1);
    case "number":
      return exampleNumber(schema, 0.5);
    case "boolean":
      return true;
    case "null":
      return null;
    default:
      return exampleString(schema, filling);
  }
}

function fixedValue(schema: JsonObject): JsonValue | undefined {
  if (schema["const"] !== undefined) return schema["const"];
  if (Array.isArray(schema["enum"]) && schema["enum"].length > 0) return schema["enum"][0];
  return schema["default"];
}

/** The schema to use in place of this one: what `$ref` points to, the first alternative, all parts of `allOf` merged. */
function alternative(schema: JsonObject, filling: Filling): JsonObject | undefined {
  const reference = schema["$ref"];
  if (typeof reference === "string") return resolve(filling.root, reference);
  const first = firstOf(schema["anyOf"]) ?? firstOf(schema["oneOf"]);
  if (first !== undefined) return first;
  if (!Array.isArray(schema["allOf"])) return undefined;
  const { allOf: _, ...rest } = schema;
  return mergeSchemas([rest, ...schema["allOf"].filter(isJsonObject)], filling);
}

function firstOf(list: JsonValue | undefined): JsonObject | undefined {
  return Array.isArray(list) ? list.find(isJsonObject) : undefined;
}

function mergeSchemas(parts: readonly JsonObject[], filling: Filling): JsonObject {
  const properties: Record<string, JsonValue | undefined> = {};
  const required: JsonValue[] = [];
  let merged: JsonObject = {};
  for (const part of parts) {
    const whole = typeof part["$ref"] === "string" ? resolve(filling.root, part["$ref"]) : part;
    merged = { ...merged, ...whole };
    if (isJsonObject(whole["properties"])) Object.assign(properties, whole["properties"]);
    if (Array.isArray(whole["required"])) required.push(...whole["required"]);
  }
  return Object.keys(properties).length === 0 ? merged : { ...merged, properties, required };
}

/** Follows a local JSON pointer (RFC 6901); one that leads nowhere allows anything. */
function resolve(root: JsonObject, reference: string): JsonObject {
  let place: JsonValue | undefined = root;
  for (const step of reference.replace(/^#\/?/, "").split("/")) {
    if (step === "") continue;
    const key = step.replace(/~1/g, "/").replace(/~0/g, "~");
    place = isJsonObject(place) ? place[key] : undefined;
  }
  return isJsonObject(place) ? place : {};
}

function typeOf(schema: JsonObject): string | undefined {
  const type = schema["type"];
  if (Array.isArray(type)) return String(type.find((name) => name !== "null") ?? "null");
  if (typeof type === "string") return type;
  if (isJsonObject(schema["properties"])) return "object";
  return schema["items"] === undefined ? undefined : "array";
}

function exampleObject(schema: JsonObject, filling: Filling, depth: number): JsonObject {
  const properties = isJsonObject(schema["properties"]) ? schema["properties"] : {};
  const required = Array.isArray(schema["required"]) ? schema["required"].map(String) : [];
  const names = required.length > 0 || depth > 3 ? required : Object.keys(properties);
  const entries = names.map((name): [string, JsonValue] => {
    // A property may be named like a method of every object, e.g. "constructor".
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    return [name, example(isJsonObject(property) ? property : {}, filling, depth + 1)];
  });
  return Object.fromEntries(entries);
}

function exampleArray(schema: JsonObject, filling: Filling, depth: number): JsonValue {
  const least = wholeNumber(schema["minItems"]) ?? 1;
  const most = wholeNumber(schema["maxItems"]) ?? Number.POSITIVE_INFINITY;
  const length = Math.min(depth > 3 ? least : Math.max(least, 1), most, 100);
  const items = isJsonObject(schema["items"]) ? schema["items"] : {};
  return Array.from({ length }, () => example(items, filling, depth + 1));
}

/** The first of a few obvious numbers that keeps the bounds. */
function exampleNumber(schema: JsonObject, preferred: number): number {
  const step = finite(schema["multipleOf"]) ?? (schema["type"] === "number" ? undefined : 1);
  const low = finite(schema["minimum"]) ?? finite(schema["exclusiveMinimum"]);
  const high = finite(schema["maximum"]) ?? finite(schema["exclusiveMaximum"]);
  const middle = low !== undefined && high !== undefined ? (low + high) / 2 : undefined;
  const candidates = [
    preferred,
    low,
    high,
    middle,
    low === undefined ? undefined : low + 1,
    high === undefined ? undefined : high - 1,
  ];
  return (
    candidates
      .filter((candidate) => candidate !== undefined)
      .flatMap((candidate) => (step === undefined ? [candidate] : multiplesNear(candidate, step)))
      .find((candidate) => keepsBounds(candidate, schema)) ?? preferred
  );
}

function multiplesNear(value: number, step: number): number[] {
  const below = Math.floor(value / step);
  return [Math.ceil(value / step), below, below + 1, below - 1].map((count) => count * step);
}

function keepsBounds(value: number, schema: JsonObject): boolean {
  return (
    value >= (finite(schema["minimum"]) ?? value) &&
    value <= (finite(schema["maximum"]) ?? value) &&
    value > (finite(schema["exclusiveMinimum"]) ?? Number.NEGATIVE_INFINITY) &&
    value < (finite(schema["exclusiveMaximum"]) ?? Number.POSITIVE_INFINITY)
  );
}

const formats: Readonly<Record<string, string>> = {
  date: "2026-01-31",
  "date-time": "2026-01-31T12:00:00Z",
  email: "someone@example.com",
  hostname: "example.com",
  ipv4: "192.0.2.1",
  time: "12:00:00Z",
  uri: "https://example.com/",
  uuid: "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
};

function exampleString(schema: JsonObject, filling: Filling): string {
  const format = schema["format"];
  const known = typeof format === "string" && Object.hasOwn(formats, format) ? formats[format] : undefined;
  const word = known ?? filling.words[filling.used++ % filling.words.length] ?? "";
  const least = wholeNumber(schema["minLength"]) ?? 0;
  const most = wholeNumber(schema["maxLength"]) ?? Number.POSITIVE_INFINITY;
  return word.padEnd(Math.min(least, 10_000), "x").slice(0, most);
}

function finite(value: JsonValue | undefined): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

function wholeNumber(value: JsonValue | undefined): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : undefined;
}
