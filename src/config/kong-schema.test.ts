import { describe, expect, it } from "vitest";
import { z } from "zod";
import { deprecated, secret } from "../util/field-notes.ts";
import { fieldSchema } from "./field-schema.ts";
import { kongSchema } from "./kong-schema.ts";

const fieldOf = (type: z.ZodType) => {
  const [field] = kongSchema(fieldSchema(z.strictObject({ field: type }))).fields;
  return field?.["field"];
};

describe("a schema as Kong tells it", () => {
  it("is a list of blocks with one field each", () => {
    const schema = fieldSchema(z.strictObject({ a: z.string().optional(), b: z.boolean().optional() }));
    expect(kongSchema(schema)).toEqual({
      fields: [{ a: { type: "string", referenceable: true } }, { b: { type: "boolean" } }],
    });
  });

  it("tells what must be there, and defaults, which are always there", () => {
    expect(fieldOf(z.string())).toEqual({ type: "string", required: true, referenceable: true });
    expect(fieldOf(z.int().default(5))).toEqual({ type: "integer", default: 5, required: true });
    expect(fieldOf(z.array(z.string()).default(["a"]))).toMatchObject({ default: ["a"], required: true });
  });

  it("has blocks field by field: required where they are filled in, without a default of their own", () => {
    const block = z.strictObject({ a: z.int().default(1) });
    const fields = [{ a: { type: "integer", default: 1, required: true } }];
    expect(fieldOf(block.optional())).toEqual({ type: "record", fields });
    expect(fieldOf(block.prefault({}))).toEqual({ type: "record", fields, required: true });
    expect(fieldOf(block.prefault({ a: 3 }))).toEqual({ type: "record", fields, required: true });
  });

  it("tells the elements of lists and the values of maps", () => {
    expect(fieldOf(z.array(z.strictObject({ a: z.string() })).optional())).toEqual({
      type: "array",
      elements: { type: "record", fields: [{ a: { type: "string", required: true, referenceable: true } }] },
    });
    expect(fieldOf(z.record(z.string(), z.number()).optional())).toEqual({
      type: "map",
      keys: { type: "string" },
      values: { type: "number" },
    });
    expect(fieldOf(z.looseObject({}).optional())).toMatchObject({
      type: expect.stringMatching(/map|record/),
    });
  });

  it("tells choices, bounds, secrets and what a field is for", () => {
    expect(fieldOf(z.enum(["a", "b"]).optional())).toMatchObject({ type: "string", one_of: ["a", "b"] });
    expect(fieldOf(z.int().min(1).max(9).optional())).toMatchObject({ between: [1, 9] });
    expect(fieldOf(z.int().min(1).optional())).not.toHaveProperty("between");
    expect(fieldOf(z.string().meta(secret).optional())).toMatchObject({
      encrypted: true,
      referenceable: true,
    });
    expect(fieldOf(z.string().describe("A note.").optional())).toMatchObject({ description: "A note." });
  });

  it("tells choices between values, and the first of several shapes", () => {
    expect(fieldOf(z.union([z.literal(426), z.literal(301)]).default(426))).toMatchObject({
      type: "integer",
      one_of: [426, 301],
      default: 426,
    });
    const either = z.union([z.strictObject({ a: z.int() }), z.array(z.int())]);
    expect(fieldOf(either.optional())).toMatchObject({ type: "record" });
    expect(fieldOf(z.unknown().optional())).toEqual({ type: "any" });
  });

  it("tells old fields apart, with what has taken their place", () => {
    const old = z
      .string()
      .optional()
      .meta({ ...deprecated, description: "Use `a`.", standsFor: ["a"] });
    const { fields, shorthand_fields: shorthands } = kongSchema(
      fieldSchema(z.strictObject({ a: z.string().optional(), old })),
    );
    expect(fields).toHaveLength(1);
    expect(shorthands).toMatchObject([
      { old: { type: "string", deprecation: { message: "Use `a`.", replaced_with: [{ path: ["a"] }] } } },
    ]);
  });
});
