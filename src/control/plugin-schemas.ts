/** The settings of each plugin, as schemas that can be shown. */
import { type FieldSchema, fieldSchema } from "../config/field-schema.ts";
import type { PluginDefinition } from "../plugins/plugin.ts";

export interface PluginSchemas {
  readonly names: readonly string[];
  /** Of the plugin's `config`; undefined for a plugin there is not. */
  configOf(name: unknown): FieldSchema | undefined;
}

export function createPluginSchemas(definitions: readonly PluginDefinition[]): PluginSchemas {
  const byName = new Map<unknown, PluginDefinition>(definitions.map((each) => [each.name, each]));
  return {
    names: definitions.map(({ name }) => name),
    configOf(name) {
      const definition = byName.get(name);
      return definition && fieldSchema(definition.config);
    },
  };
}
