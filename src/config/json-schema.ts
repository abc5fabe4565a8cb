/** The JSON Schema of a whole config file, for editors: completion, descriptions, and red lines under mistakes. */
import type { z } from "zod";
import type { PluginDefinition } from "../plugins/plugin.ts";
import { entities } from "./entities/index.ts";
import { type Entity, entitySchema } from "./entity.ts";
import { type FieldSchema, fieldSchema } from "./field-schema.ts";
import { formatVersion, plainLists, remarks } from "./top-level.ts";

type Json = Readonly<Record<string, unknown>>;

/** Draft 2020-12. Plugins are told apart by `name`; those not in `plugins` do not fit. */
export function fileJsonSchema(plugins: readonly PluginDefinition[]): Json {
  const all = entities as unknown as readonly Entity[]; // `check`, where the members differ, is not called here
  const definitions = Object.fromEntries(
    all.map((entity) => [entity.name, describeEntity(entity, all, plugins)]),
  );
  const byPlugin = Object.fromEntries(
    plugins.map((plugin) => [`plugin-${plugin.name}`, describePlugin(plugin, all)]),
  );
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Sluice configuration",
    type: "object",
    required: ["_format_version"],
    additionalProperties: false,
    properties: {
      ...Object.fromEntries(Object.entries(remarks).map(([name, description]) => [name, { description }])),
      _format_version: { description: remarks["_format_version"], const: formatVersion },
      ...Object.fromEntries(
        all.map(({ name, plural, summary }) => [
          plural,
          { description: summary, type: "array", items: pointer(name) },
        ]),
      ),
      ...Object.fromEntries(
        plainLists.map((name) => [name, { description: "Accepted, not acted on yet.", type: "array" }]),
      ),
    },
    $defs: { ...definitions, ...byPlugin },
  };
}

function describeEntity(entity: Entity, all: readonly Entity[], plugins: readonly PluginDefinition[]): Json {
  if (entity.name === "plugin") {
    return { description: entity.summary, oneOf: plugins.map(({ name }) => pointer(`plugin-${name}`)) };
  }
  const own = forEditors(fieldSchema(entitySchema(entity)));
  const children = Object.entries(entity.children ?? {}).map(([field, name]) => {
    const child = all.find((other) => other.name === name);
    const items = child?.isNamedByText ? { anyOf: [pointer(name), { type: "string" }] } : pointer(name);
    return [field, { description: child?.summary, type: "array", items }];
  });
  return {
    description: entity.summary,
    ...own,
    properties: { ...propertiesOf(own), ...Object.fromEntries(children) },
  };
}

function describePlugin({ config, name, summary }: PluginDefinition, all: readonly Entity[]): Json {
  const entity = all.find((candidate) => candidate.name === "plugin");
  const own = entity === undefined ? {} : forEditors(fieldSchema(entitySchema(entity)));
  const settings = forEditors(fieldSchema(config as z.ZodType));
  return {
    description: summary,
    ...own,
    properties: {
      ...propertiesOf(own),
      name: { const: name, description: "Which plugin." },
      config: settings,
    },
  };
}

function propertiesOf(schema: Json): Json {
  return (schema["properties"] ?? {}) as Json; // JSON Schema's own rule
}

function pointer(name: string): Json {
  return { $ref: `#/$defs/${name}` };
}

/** What may stand in the place of a number or a truth value: a variable or a vault has it. */
const substituted = "^(\\$\\{\\{.*\\}\\}|\\{vault://.*\\})$";

/** Our marks under names that no other tool claims, and variables allowed wherever the loader allows them. */
function forEditors(schema: FieldSchema): Json {
  const { auto: _auto, fileOnly: _fileOnly, prefilled: _prefilled, standsFor: _standsFor, ...known } = schema;
  const { additionalProperties, anyOf, items, planned, properties, secret, sluice, type, ...rest } = known;
  const isOpen = schema.enum === undefined && (type === "integer" || type === "number" || type === "boolean");
  return {
    ...rest,
    ...(type && (isOpen ? { type: [type, "string"], pattern: substituted } : { type })),
    ...(properties && { properties: mapValues(properties, forEditors) }),
    ...(items && { items: forEditors(items) }),
    ...(anyOf && { anyOf: anyOf.map(forEditors) }),
    ...(additionalProperties !== undefined && {
      additionalProperties:
        typeof additionalProperties === "object" ? forEditors(additionalProperties) : additionalProperties,
    }),
    ...(planned && { "x-planned": true }),
    ...(secret && { "x-secret": true }),
    ...(sluice && { "x-sluice": true }),
  };
}

function mapValues(block: Readonly<Record<string, FieldSchema>>, map: (schema: FieldSchema) => Json): Json {
  return Object.fromEntries(Object.entries(block).map(([name, value]) => [name, map(value)]));
}
