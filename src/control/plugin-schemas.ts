/** The settings of each plugin, as schemas that can be shown. */
import { type FieldSchema, fieldSchema, withoutRequired } from "../config/field-schema.ts";
import type { PartialBlocks, PluginDefinition } from "../plugins/plugin.ts";
import type { Kind } from "./kinds.ts";

export interface PluginSchemas {
  readonly names: readonly string[];
  /** Of the plugin's `config`; undefined for a plugin there is not. */
  configOf(name: unknown): FieldSchema | undefined;
  /** The same for a plugin with links at these places: nothing is said of blocks that they fill in as wholes. */
  ownConfigOf(name: unknown, links: readonly string[]): FieldSchema | undefined;
  /** Where partials of a type can be linked in a plugin, the usual place first: `config.vectordb`. */
  linkPathsOf(name: unknown, type: unknown): readonly string[];
  /** Of the `config` of partials of a type; undefined where no plugin takes such. */
  partialOf(type: unknown): FieldSchema | undefined;
}

/** Of an entity's `config`, where its fields depend on what the entity is: those of a plugin, or of partials of a type. */
export function configSchemaOf(
  kind: string,
  { name, type }: Readonly<Record<string, unknown>>,
  schemas: PluginSchemas,
): FieldSchema | undefined {
  if (kind === "partial") return schemas.partialOf(type);
  return kind === "plugin" ? schemas.configOf(name) : undefined;
}

/** Of an entity's fields, with those of its `config`. */
export function schemaOf(
  { fields, name }: Pick<Kind, "fields" | "name">,
  record: Readonly<Record<string, unknown>>,
  schemas: PluginSchemas,
): FieldSchema {
  const config = configSchemaOf(name, record, schemas);
  return config === undefined ? fields : { ...fields, properties: { ...fields.properties, config } };
}

export function createPluginSchemas(definitions: readonly PluginDefinition[]): PluginSchemas {
  const partials = new Map<unknown, FieldSchema>(
    definitions.flatMap((each) =>
      Object.entries(each.partials ?? {}).map(([type, { schema }]) => [type, partialSchema(schema)] as const),
    ),
  );
  const byName = new Map<unknown, PluginDefinition>(definitions.map((each) => [each.name, each]));
  return {
    names: definitions.map(({ name }) => name),
    configOf(name) {
      const definition = byName.get(name);
      return definition && fieldSchema(definition.config);
    },
    ownConfigOf(name, links) {
      const definition = byName.get(name);
      const steps = links
        .map((link) => link.replace(/^config\.?/, ""))
        .filter((link) => /^[^[]+$/.test(link));
      if (definition === undefined) return undefined;
      const whole = withNeededBlocks(fieldSchema(definition.config));
      return steps.reduce((all, link) => without(all, link.split(".")), whole);
    },
    linkPathsOf(name, type) {
      const { paths = [] } = (typeof type === "string" && byName.get(name)?.partials?.[type]) || {};
      return paths.map((path) => (path === "" ? "config" : `config.${path}`));
    },
    partialOf: (type) => partials.get(type),
  };
}

/** Of a block that a partial gives: what it leaves out, the plugin gives, so that nothing is required. */
export function partialSchema(block: PartialBlocks["schema"]): FieldSchema {
  return withoutRequired(fieldSchema(block));
}

/** A block that must be there is, with whatever a partial may yet give in it: so Kong shows it, and decK expects it. */
function withNeededBlocks(schema: FieldSchema): FieldSchema {
  const { items, properties, required = [] } = schema;
  const blocks = Object.entries(properties ?? {}).map(([name, field]) => {
    const isNeeded = field.properties !== undefined && required.includes(name);
    return [name, { ...withNeededBlocks(field), ...(isNeeded && { prefilled: true }) }] as const;
  });
  return {
    ...schema,
    ...(properties && { properties: Object.fromEntries(blocks) }),
    ...(items && { items: withNeededBlocks(items) }),
  };
}

/** The schema, which takes anything where the path leads. */
function without(schema: FieldSchema, path: readonly string[]): FieldSchema {
  const [name, ...rest] = path;
  if (name === undefined) return {};
  const field = schema.properties?.[name];
  return field === undefined
    ? schema
    : { ...schema, properties: { ...schema.properties, [name]: without(field, rest) } };
}
