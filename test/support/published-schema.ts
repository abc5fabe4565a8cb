/** Holds a plugin's schema against the published one (3.15, MIT), leaf by leaf. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { type FieldSchema, fieldSchema } from "../../src/config/field-schema.ts";

interface Leaf {
  readonly path: string;
  readonly schema: FieldSchema;
  readonly isRequired: boolean;
}

function leaves(schema: FieldSchema, path = "", isRequired = false): readonly Leaf[] {
  const fields = Object.entries(schema.properties ?? {}).flatMap(([name, field]) =>
    leaves(field, path === "" ? name : `${path}.${name}`, schema.required?.includes(name) ?? false),
  );
  const items = schema.items === undefined ? [] : leaves(schema.items, `${path}[]`);
  return [{ path, schema, isRequired }, ...fields, ...items];
}

/** The published schema of a plugin's config, by the file's name. */
export function published(name: string): FieldSchema {
  const url = new URL(`../fixtures/kong-schemas/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, "utf8")).properties.config;
}

/** What the published schema says of a field, with its `minLength` of arrays under the name JSON Schema has for it. */
function facts({ schema, isRequired }: Leaf) {
  const { type, default: value, enum: choices, minimum, maximum, minItems, minLength } = schema;
  const isList = type === "array";
  return {
    type,
    isRequired,
    default: value,
    choices: choices === undefined ? undefined : [...choices].sort(),
    minimum,
    maximum,
    smallest: isList ? (minItems ?? minLength) : minLength,
  };
}

/** Where we accept more than Kong does, by path. */
export type Wider = Readonly<Record<string, Partial<ReturnType<typeof facts>>>>;

export interface PublishedSchema {
  /** Of the file in `test/fixtures/kong-schemas`. */
  readonly name: string;
  readonly schema: z.ZodType;
  /** Leaves of the published schema. */
  readonly count: number;
  readonly wider?: Wider;
}

/** The tests. */
export function describePublishedSchema({ count, name, schema, wider = {} }: PublishedSchema): void {
  describe(`the published schema ${name}`, () => {
    const theirs = leaves(published(name));
    const ours = new Map(leaves(fieldSchema(schema)).map((leaf) => [leaf.path, leaf]));

    it("was read in full", () => {
      const ends = theirs.filter(
        ({ path, schema: leaf }) =>
          leaf.properties === undefined && leaf.items?.properties === undefined && !path.endsWith("[]"),
      );
      expect(ends).toHaveLength(count);
    });

    it.each(theirs.map((leaf) => [leaf.path || "config", leaf] as const))(
      "has %s as we have it",
      (path, leaf) => {
        const own = ours.get(leaf.path);
        expect(own, `${path} is missing`).toBeDefined();
        if (own === undefined || path === "config") return;
        expect(facts(own)).toEqual({ ...facts(leaf), ...wider[path] });
      },
    );

    it("leaves out only what is marked as ours or as an old shorthand", () => {
      const known = new Set(theirs.map(({ path }) => path));
      const marked = [...ours.values()].filter(
        ({ schema: own }) => own.sluice === true || own.deprecated === true,
      );
      const extra = [...ours.keys()].filter((path) => !known.has(path));
      const unmarked = extra.filter(
        (path) =>
          !marked.some(
            (leaf) =>
              path === leaf.path || path.startsWith(`${leaf.path}.`) || path.startsWith(`${leaf.path}[`),
          ),
      );
      expect(unmarked).toEqual([]);
    });

    it("is described in full, in our words", () => {
      const words = new Set(
        theirs.map(({ schema: leaf }) => leaf.description).filter((text) => text !== undefined),
      );
      for (const { path, schema: own } of ours.values()) {
        if (path === "" || path.endsWith("[]")) continue;
        expect(own.description, `${path} has no description`).toBeTruthy();
        expect(words.has(own.description ?? ""), `${path} is described in Kong's words`).toBe(false);
      }
    });
  });
}
