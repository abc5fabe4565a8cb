/** Contract of the config entity family: type, validation, JSON Schema and reference page all come from one definition. */
import { z } from "zod";
import type { Finding } from "../plugins/plugin.ts";
import { auto } from "../util/field-notes.ts";

export interface Entity<Shape extends z.ZodRawShape = z.ZodRawShape> {
  /** In the singular, as other entities refer to it: `service`. */
  readonly name: string;
  /** Name of the list in the file: `services`. */
  readonly plural: string;
  /** One sentence; the reference page starts with it. */
  readonly summary: string;
  /** Field that people call it by; its values are unique. */
  readonly nameField?: (keyof Shape & string) | undefined;
  /** Field that people call it by among those of its owner, where it has no name of its own. */
  readonly nameWithinOwner?: keyof Shape & string;
  /** Further fields whose values are unique among all entities of the kind; secret ones are not shown in the error. */
  readonly uniqueFields?: readonly (keyof Shape & string)[];
  readonly shape: Shape;
  /** Field → entity it points at, by name or id; a list points at several. Checked at load, linked in the docs. */
  readonly references?: { readonly [Field in keyof Shape & string]?: string };
  /** References that say whose a member is: with its name they tell it from others. */
  readonly scope?: readonly (keyof Shape & string)[];
  /** Field → entity whose members may stand nested in it. These fields are not part of the shape. */
  readonly children?: Readonly<Record<string, string>>;
  /** Reference without which it means nothing, given by its field or by its place in the file. */
  readonly owner?: keyof Shape & string;
  /** In a list, a plain text may stand for one that has nothing but its name. */
  readonly isNamedByText?: boolean;
  /** Accepted and validated, but nothing acts on it yet. */
  readonly isPlanned?: boolean;
  /** Where the admin API has its list, where that is not `plural`: `key-auths`. */
  readonly collection?: string;
  /** What the list of those of one owner is called below the owner, where that is not `collection`: `key-auth`. */
  readonly nestedCollection?: string;
  /** Required field that the admin API makes up where it is left out: a secret nobody can guess, shown once. */
  readonly generatedField?: keyof Shape & string;
  /**
   * Puts what is sent into the form that the admin API keeps: fields that stand for others are replaced by these. May be given
   * what does not fit the shape.
   */
  expand?(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
  /** What the shape alone cannot say, on a value the shape has accepted; paths are relative to the entity. */
  check?(value: z.output<z.ZodObject<Shape>>): readonly Finding[];
}

/** Declares a member of the family with its type inferred from its shape. */
export function defineEntity<const Shape extends z.ZodRawShape>(entity: Entity<Shape>): Entity<Shape> {
  return entity;
}

const schemas = new WeakMap<Entity, z.ZodObject>();

/** The entity's own fields, without those nested in it. Made once per entity. */
export function entitySchema(entity: Entity): z.ZodObject {
  const known = schemas.get(entity);
  if (known !== undefined) return known;
  const schema = z.strictObject(entity.shape);
  schemas.set(entity, schema);
  return schema;
}

/** Fields every entity has. */
export const commonFields = {
  id: z
    .guid({ error: "must be a UUID" })
    .describe("UUID. Left out, it is made up: in a file from name or place, in the admin API by chance.")
    .meta(auto)
    .optional(),
  tags: z
    .array(z.string().regex(/^[^,/\p{Cc}]+$/u, "must have neither , nor / nor control characters"))
    .describe("Words by which the admin API's lists can be asked, and decK chooses what is its own.")
    .optional(),
  created_at: z
    .number()
    .describe("Seconds since 1970; of entities of a file without it, when they were loaded.")
    .meta(auto)
    .optional(),
  updated_at: z
    .number()
    .describe("Seconds since 1970: the last change by the admin API.")
    .meta(auto)
    .optional(),
};

// Spelled by what it excludes, since that means the same to every tool that reads the schemas, whatever its alphabet.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are among what is excluded
const nameCharacters = /^[^\x00-,/:-@[-^`{-}\x7f]*$/;

/**
 * What people call an entity, by Kong's rule for most of its names: of ASCII only what stands in a path as it is, and
 * beyond it any character.
 */
export function entityName(description: string) {
  return z
    .string()
    .min(1)
    .regex(
      nameCharacters,
      "invalid value: the only accepted ascii characters are alphanumerics or ., -, _, and ~",
    )
    .describe(description);
}

const noReference = "must be a name or an id, or a block with one of them: {name: …} or {id: …}";

/** Exports and decK may give more of the entity than its id. */
const referenceBlock = z
  .strictObject({
    id: z.string().min(1).optional(),
    name: z.string().min(1).optional(),
    username: z.string().min(1).optional(),
    custom_id: z.string().optional(),
  })
  .refine(({ id, name, username }) => (id ?? name ?? username) !== undefined, noReference);

/** A pointer to another entity: its name or id, plain or in a block. */
export function reference(description: string) {
  return z
    .union([z.string().min(1), referenceBlock], {
      error: "must be a name or an id, or a block with one of them: {name: …} or {id: …}",
    })
    .describe(description);
}

/** Pointers to several: plain, or blocks as exports write them, with the id or one of `names`. */
export function references(names: readonly [string, ...string[]], description: string) {
  const fields = Object.fromEntries(names.map((name) => [name, z.string().min(1).optional()]));
  const [name] = names;
  const block = z
    .strictObject({ ...commonFields, ...fields })
    .refine((value) => value.id !== undefined || Object.hasOwn(value, name), {
      error: `must have \`${name}\` or \`id\``,
    });
  return z.array(z.union([z.string().min(1), block])).describe(description);
}
