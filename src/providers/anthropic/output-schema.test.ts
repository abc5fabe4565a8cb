import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../llm/json.ts";
import { deepFreeze } from "../provider.contract.ts";
import { toOutputSchema } from "./output-schema.ts";

function narrow(schema: JsonObject) {
  const warnings = new Set<string>();
  return { schema: toOutputSchema(deepFreeze(schema), "response_format", warnings), warnings: [...warnings] };
}

describe("an output schema", () => {
  it("passes unchanged where the vendor can enforce all of it", () => {
    const schema = {
      type: "object",
      properties: {
        kind: { enum: ["a", null] },
        when: { type: "string", format: "date" },
        list: { type: "array", items: { $ref: "#/$defs/x" }, minItems: 1 },
      },
      $defs: { x: { anyOf: [{ type: "string" }, { const: 1 }] } },
      required: [],
      additionalProperties: false,
    };
    expect(narrow(schema)).toEqual({ schema, warnings: [] });
  });

  it("closes objects that say nothing about further properties, at any depth", () => {
    const open = {
      type: "object",
      properties: { inner: { properties: {} } },
      $defs: { d: { anyOf: [{ type: "object" }] } },
    };
    expect(narrow(open).schema).toEqual({
      type: "object",
      properties: { inner: { properties: {}, additionalProperties: false } },
      $defs: { d: { anyOf: [{ type: "object", additionalProperties: false }] } },
      additionalProperties: false,
    });
    expect(narrow({ type: "object", additionalProperties: { type: "number", minimum: 0 } }).schema).toEqual({
      type: "object",
      additionalProperties: { type: "number", description: "(minimum: 0)" },
    });
  });

  it("moves bounds that cannot be enforced into the description and names them in one warning", () => {
    const bounded = {
      type: "array",
      minItems: 2,
      maxItems: 5,
      items: { type: "integer", minimum: 1, description: "A day." },
    };
    expect(narrow(bounded)).toEqual({
      schema: {
        type: "array",
        items: { type: "integer", description: "A day. (minimum: 1)" },
        description: "(minItems: 2, maxItems: 5)",
      },
      warnings: [
        "response_format: minItems, maxItems, minimum cannot be enforced and are only described to the model",
      ],
    });
  });

  it("does not take properties for keywords", () => {
    const named = {
      type: "object",
      properties: { minimum: { type: "number" }, items: { type: "string" } },
      additionalProperties: false,
    };
    expect(narrow(named)).toEqual({ schema: named, warnings: [] });
  });

  it("is refused where it is nested beyond all measure, before the stack is exhausted", () => {
    let schema: JsonObject = { type: "string" };
    for (let depth = 0; depth < 50_000; depth += 1) schema = { items: schema };
    expect(() => toOutputSchema(schema, "response_format", new Set())).toThrow(
      /response_format is nested deeper than 64 levels/,
    );
  });
});
