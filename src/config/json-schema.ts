/** The JSON Schema of a whole config file, for editors: completion, descriptions, and red lines under mistakes. */
import type { z } from "zod";
import type { PluginDefinition } from "../plugins/plugin.ts";
import { entities } from "./entities/index.ts";
import { type Entity, entitySchema } from "./entity.ts";
import { type FieldSchema, fieldSchema, withoutRequired } from "./field-schema.ts";
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

function describePlugin({ config, name, partials, summary }: PluginDefinition, all: readonly Entity[]): Json {
  const entity = all.find((candidate) => candidate.name === "plugin");
  const own = entity === undefined ? {} : forEditors(fieldSchema(entitySchema(entity)));
  const settings = fieldSchema(config as z.ZodType);
  return {
    description: summary,
    ...own,
    properties: {
      ...propertiesOf(own),
      name: { const: name, description: "Which plugin." },
      config: forEditors(partials === undefined ? settings : withoutRequired(settings)),
    },
    ...(partials !== undefined && unlessLinked(settings)),
  };
}

/** Partials may give what the plugin leaves out, at every depth; that a plugin without any needs its first fields is told. */
function unlessLinked({ required = [] }: FieldSchema): Json {
  return {
    if: { required: ["partials"] },
    else: { properties: { config: { required } } },
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

/** The same within a text: a file's variables may stand anywhere in it. */
const substitutedWithin = "\\$\\{\\{.*\\}\\}|^\\{vault://.*\\}$";

/**
 * Our marks under names that no other tool claims, and variables allowed wherever the loader allows them. `isOptional`: null
 * says the same as leaving it out.
 */
function forEditors(schema: FieldSchema, isOptional = false): Json {
  const { auto: _auto, fileOnly: _fileOnly, prefilled: _prefilled, standsFor: _standsFor, ...known } = schema;
  const { additionalProperties, anyOf, items, pattern, planned, properties, secret, sluice, type, ...rest } =
    known;
  const isOpen = schema.enum === undefined && (type === "integer" || type === "number" || type === "boolean");
  return {
    ...rest,
    ...(isOptional && schema.enum !== undefined && { enum: [...schema.enum, null] }),
    ...(type && typesOf(type, isOpen, isOptional)),
    ...(isOpen && { pattern: substituted }),
    ...(pattern !== undefined && { pattern: `${pattern}|${substitutedWithin}` }),
    ...(properties && {
      properties: mapValues(properties, (field, name) => forEditors(field, !rest.required?.includes(name))),
    }),
    ...(items && { items: forEditors(items) }),
    ...(anyOf && {
      anyOf: [...anyOf.map((each) => forEditors(each)), ...(isOptional ? [{ type: "null" }] : [])],
    }),
    ...(additionalProperties !== undefined && {
      additionalProperties:
        typeof additionalProperties === "object" ? forEditors(additionalProperties) : additionalProperties,
    }),
    ...(planned && { "x-planned": true }),
    ...(secret && { "x-secret": true }),
    ...(sluice && { "x-sluice": true }),
  };
}

function typesOf(type: string, isOpen: boolean, isOptional: boolean): Json {
  const types = [type, ...(isOpen ? ["string"] : []), ...(isOptional ? ["null"] : [])];
  return { type: types.length === 1 ? type : types };
}

function mapValues(
  block: Readonly<Record<string, FieldSchema>>,
  map: (schema: FieldSchema, name: string) => Json,
): Json {
  return Object.fromEntries(Object.entries(block).map(([name, value]) => [name, map(value, name)]));
}
