import { describe, expect, it } from "vitest";
import { z } from "zod";
import { fieldSchema } from "../config/field-schema.ts";
import { deprecated } from "../util/field-notes.ts";
import { completed } from "./complete.ts";

const schema = fieldSchema(
  z.strictObject({
    name: z.string().optional(),
    size: z.int().default(5),
    list: z.array(z.strictObject({ weight: z.int().default(100), note: z.string().optional() })).optional(),
    filled: z.strictObject({ on: z.boolean().default(true), to: z.string().optional() }).prefault({}),
    left: z.strictObject({ on: z.boolean().default(true) }).optional(),
    map: z.record(z.string(), z.strictObject({ a: z.int().default(1) })).optional(),
    old: z.string().optional().meta(deprecated),
  }),
);

describe("an entity in full", () => {
  it("has every field: its default, null where there is none, blocks with a default filled in", () => {
    expect(completed(schema, {})).toEqual({
      name: null,
      size: 5,
      list: null,
      filled: { on: true, to: null },
      left: null,
      map: null,
    });
  });

  it("has the defaults within what was given, in lists too", () => {
    const given = { left: {}, list: [{}, { weight: 1, note: "x" }], filled: { on: false } };
    expect(completed(schema, given)).toMatchObject({
      left: { on: true },
      list: [
        { weight: 100, note: null },
        { weight: 1, note: "x" },
      ],
      filled: { on: false, to: null },
    });
  });

  it("takes null for what was not given", () => {
    expect(completed(schema, { size: null, name: null })).toMatchObject({ size: 5, name: null });
  });

  it("keeps what does not fit, and fields there are not, for the check to name", () => {
    expect(completed(schema, { size: "five", list: "x", filled: [1], nmae: "x" })).toMatchObject({
      size: "five",
      list: "x",
      filled: [1],
      nmae: "x",
    });
    for (const name of ["constructor", "toString", "__proto__"]) {
      const given = JSON.parse(`{"${name}":1,"filled":{"${name}":2}}`);
      const result = completed(schema, given) as typeof given;
      expect(Object.getOwnPropertyDescriptor(result, name)?.value).toBe(1);
      expect(Object.getOwnPropertyDescriptor(result.filled, name)?.value).toBe(2);
    }
  });

  it("does not show old ways of saying what another field says, but to those who use them", () => {
    expect(completed(schema, {})).not.toHaveProperty("old");
    expect(completed(schema, { old: "x" })).toHaveProperty("old", "x");
  });

  it("shares no default with another", () => {
    const [first, second] = [completed(schema, {}), completed(schema, {})] as { filled: object }[];
    expect(first?.filled).not.toBe(second?.filled);
  });

  it("is complete", () => {
    const once = completed(schema, { list: [{}], left: {} });
    expect(completed(schema, once)).toEqual(once);
  });
});
