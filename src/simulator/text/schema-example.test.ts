import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isJsonObject, type JsonObject, type JsonValue } from "../../llm/json.ts";
import { schemaExample } from "./schema-example.ts";

const words = ["Paris", "tomorrow", "umbrella"];

describe("schemaExample", () => {
  it("fills required properties by type and strings with the words in turn", () => {
    const schema = {
      type: "object",
      properties: {
        city: { type: "string" },
        days: { type: "integer", minimum: 3 },
        unit: { enum: ["celsius", "fahrenheit"] },
        notes: { type: "array", items: { type: "string" } },
        hidden: { type: "string" },
      },
      required: ["city", "days", "unit", "notes"],
    };
    expect(schemaExample(schema, words)).toEqual({
      city: "Paris",
      days: 3,
      unit: "celsius",
      notes: ["tomorrow"],
    });
  });

  it("fills all properties where none is required", () => {
    expect(schemaExample({ type: "object", properties: { a: { type: "boolean" } } }, words)).toEqual({
      a: true,
    });
  });

  it("follows local references, also recursive ones", () => {
    const schema = {
      $ref: "#/$defs/node",
      $defs: {
        node: {
          type: "object",
          properties: {
            name: { type: "string" },
            children: { type: "array", items: { $ref: "#/$defs/node" } },
          },
          required: ["name", "children"],
        },
      },
    };
    expect(schemaExample(schema, words)).toMatchObject({ name: "Paris", children: [{ name: "tomorrow" }] });
  });

  it("merges allOf and takes the first of anyOf", () => {
    const schema = {
      allOf: [
        { type: "object", properties: { a: { const: 7 } }, required: ["a"] },
        { properties: { b: { anyOf: [{ type: "null" }, { type: "string" }] } }, required: ["b"] },
      ],
    };
    expect(schemaExample(schema, words)).toEqual({ a: 7, b: null });
  });

  it("survives schemas that refer to themselves or nowhere", () => {
    expect(schemaExample({ $ref: "#" }, words)).toBeNull();
    expect(schemaExample({ $ref: "#/nowhere" }, words)).toBe("Paris");
    expect(schemaExample(undefined, words)).toBe("Paris");
  });

  it("fits what it was made for", () => {
    fc.assert(
      fc.property(schemas, (schema) => fits(schemaExample(schema, words), schema)),
      { numRuns: 500 },
    );
  });
});

const bounds = fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 0, max: 20 }));
const leaf: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.constant({ type: "string" }),
  fc.constant({ type: "boolean" }),
  fc.constant({ type: "null" }),
  fc.constant({ type: ["null", "string"] }),
  fc.array(fc.string(), { minLength: 1, maxLength: 3 }).map((values) => ({ enum: values })),
  bounds.map(([least, span]) => ({ type: "integer", minimum: least, maximum: least + span })),
  bounds.map(([least, span]) => ({
    type: "number",
    exclusiveMinimum: least,
    exclusiveMaximum: least + span + 0.1,
  })),
  fc
    .integer({ min: 0, max: 30 })
    .map((length) => ({ type: "string", minLength: length, maxLength: length + 2 })),
);
const { schema: schemas } = fc.letrec<{ schema: JsonObject }>((tie) => ({
  schema: fc.oneof(
    { depthSize: "small" },
    leaf,
    fc.record({ type: fc.constant("array"), items: tie("schema"), minItems: fc.integer({ min: 0, max: 3 }) }),
    fc
      .dictionary(fc.string({ minLength: 1, maxLength: 12 }), tie("schema"), {
        maxKeys: 4,
        noNullPrototype: true,
      })
      .map((properties) => ({ type: "object", properties, required: Object.keys(properties) })),
  ),
}));

/** A validator for what `schemas` can say, written apart from the code under test. */
function fits(value: JsonValue | undefined, schema: JsonObject): boolean {
  const { enum: allowed, type } = schema;
  if (Array.isArray(allowed)) return allowed.includes(value ?? null);
  if (Array.isArray(type)) return value === null || typeof value === "string";
  if (typeof value === "number") return fitsNumber(value, schema);
  if (typeof value === "string") {
    return (
      type === "string" &&
      value.length >= limit(schema, "minLength", 0) &&
      value.length <= limit(schema, "maxLength", 1e9)
    );
  }
  if (Array.isArray(value)) {
    const items = schema["items"] as JsonObject; // `schemas` always gives one
    return (
      type === "array" &&
      value.length >= limit(schema, "minItems", 0) &&
      value.every((item: JsonValue) => fits(item, items))
    );
  }
  if (isJsonObject(value)) {
    const entries = Object.entries(schema["properties"] as Record<string, JsonObject>); // as above
    return (
      type === "object" &&
      entries.every(([name, part]) => Object.hasOwn(value, name) && fits(value[name], part))
    );
  }
  return value === null ? type === "null" : typeof value === type;
}

function fitsNumber(value: number, schema: JsonObject): boolean {
  if (schema["type"] === "integer" && !Number.isInteger(value)) return false;
  const isInside = value >= limit(schema, "minimum", value) && value <= limit(schema, "maximum", value);
  return (
    isInside &&
    value > limit(schema, "exclusiveMinimum", -1e9) &&
    value < limit(schema, "exclusiveMaximum", 1e9)
  );
}

function limit(schema: JsonObject, name: string, fallback: number): number {
  return Number(schema[name] ?? fallback);
}
