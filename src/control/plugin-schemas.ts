/** The settings of each plugin, as schemas that can be shown. */
import { type FieldSchema, fieldSchema } from "../config/field-schema.ts";
import type { PluginDefinition } from "../plugins/plugin.ts";

export interface PluginSchemas {
  readonly names: readonly string[];
  /** Of the plugin's `config`; undefined for a plugin there is not. */
  configOf(name: unknown): FieldSchema | undefined;
  /** The same without the blocks that partials can fill in. */
  ownConfigOf(name: unknown): FieldSchema | undefined;
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

export function createPluginSchemas(definitions: readonly PluginDefinition[]): PluginSchemas {
  const partials = new Map<unknown, FieldSchema>(
    definitions.flatMap((each) =>
      Object.entries(each.partials ?? {}).map(([type, { schema }]) => [type, fieldSchema(schema)] as const),
    ),
  );
  const byName = new Map<unknown, PluginDefinition>(definitions.map((each) => [each.name, each]));
  return {
    names: definitions.map(({ name }) => name),
    configOf(name) {
      const definition = byName.get(name);
      return definition && fieldSchema(definition.config);
    },
    ownConfigOf(name) {
      const definition = byName.get(name);
      if (definition === undefined) return undefined;
      const schema = fieldSchema(definition.config);
      const paths = Object.values(definition.partials ?? {}).flatMap((blocks) => blocks.paths);
      if (paths.includes("")) return { type: "object" };
      const shared = new Set(paths.map((path) => path.replace(/[.[].*$/, "")));
      const own = Object.entries(schema.properties ?? {}).filter(([field]) => !shared.has(field));
      return { ...schema, properties: Object.fromEntries(own) };
    },
    linkPathsOf(name, type) {
      const { paths = [] } = (typeof type === "string" && byName.get(name)?.partials?.[type]) || {};
      return paths.map((path) => (path === "" ? "config" : `config.${path}`));
    },
    partialOf: (type) => partials.get(type),
  };
}
