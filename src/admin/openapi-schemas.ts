/** The schemas of the OpenAPI document: entities and the settings of plugins, from the definitions they are checked by. */

import { entitySchema } from "../config/entity.ts";
import { type FieldSchema, fieldSchema } from "../config/field-schema.ts";
import { type ForeignKey, type Kind, kinds } from "../control/kinds.ts";
import { namedChildrenOf } from "../control/named-children.ts";
import { partialSchema } from "../control/plugin-schemas.ts";
import type { PluginDefinition } from "../plugins/plugin.ts";
import { block, type Json, listOf, pointerTo } from "./openapi-parts.ts";

/** An entity in full, as answers have it. */
export function entityPointer({ name }: Kind): Json {
  return pointerTo("schemas", name);
}

/** What makes a whole entity. */
export function newEntityPointer({ name }: Kind): Json {
  return pointerTo("schemas", `${name}-new`);
}

/** Any of its fields, to change these. */
export function fieldsPointer({ name }: Kind): Json {
  return pointerTo("schemas", `${name}-fields`);
}

/** Name → schema. */
export function componentSchemas(plugins: readonly PluginDefinition[]): Json {
  return {
    ...sharedSchemas,
    ...Object.assign({}, ...kinds.map((kind) => schemasOf(kind, plugins))),
    ...Object.fromEntries(
      plugins.map(({ config, name, summary }) => [
        configName(name),
        { description: summary, ...schemaOf(fieldSchema(config)) },
      ]),
    ),
    ...Object.fromEntries(
      [...partialSchemas(plugins)].map(([type, schema]) => [
        partialName(type),
        { description: `What a partial of type ${type} gives.`, ...schemaOf(schema) },
      ]),
    ),
  };
}

/** Type → schema. */
function partialSchemas(plugins: readonly PluginDefinition[]): ReadonlyMap<string, FieldSchema> {
  const all = plugins.flatMap(({ partials = {} }) => Object.entries(partials));
  return new Map(all.map(([type, { schema }]) => [type, partialSchema(schema)]));
}

const sharedSchemas: Json = {
  reference: {
    description: "Another entity, by its id; in what is sent a name will do.",
    ...block({ id: { type: "string" }, name: { type: "string" }, username: { type: "string" } }, []),
  },
  error: {
    description: "What was refused and why. `fields` is nested as the entity's fields are.",
    ...block(
      {
        message: { type: "string" },
        name: { type: "string", description: "Kind of error." },
        code: { type: "integer", description: "Its number." },
        fields: { type: "object", description: "Field → what is wrong with it; `@entity`: the whole." },
      },
      ["message"],
    ),
  },
  "kong-schema": {
    description:
      "Fields of a kind of entity or of a plugin, each a block with the field's name as its only key.",
    ...block({ fields: listOf({ type: "object" }) }),
  },
};

function schemasOf(kind: Kind, plugins: readonly PluginDefinition[]): Json {
  const { entity, fields, foreignKeys, name } = kind;
  const all = Object.entries(fields.properties ?? {});
  const foreign = foreignKeys.map(({ field }) => field);
  const shown = [...all.filter(([, field]) => field.deprecated !== true).map(([field]) => field), ...foreign];
  const needed = (fields.required ?? []).filter((field) => field !== entity.generatedField);
  const whole = fieldsPointer(kind);
  return {
    [`${name}-fields`]: {
      description: entity.summary,
      type: "object",
      properties: {
        ...propertiesOf({ ...fields, required: [] }),
        ...Object.fromEntries(foreignKeys.map((key) => [key.field, foreignSchema(key)])),
        ...shorthandsOf(kind),
        ...namesOf(kind),
      },
      additionalProperties: false,
      ...(name === "plugin" && { allOf: plugins.map(configOf) }),
      ...(name === "partial" && { allOf: [...partialSchemas(plugins).keys()].map(partialConfigOf) }),
    },
    [`${name}-new`]: { allOf: [whole, { required: needed }] },
    [name]: { allOf: [whole, { required: shown }] },
  };
}

/** Fields that stand for others where an entity is sent. */
function shorthandsOf({ entity }: Kind): Json {
  if (entity.expand === undefined) return {};
  const properties = Object.entries(fieldSchema(entitySchema(entity)).properties ?? {});
  return Object.fromEntries(
    properties
      .filter(([, field]) => field.fileOnly === true)
      .map(([name, field]) => [name, { ...schemaOf(field), writeOnly: true }]),
  );
}

/** Lists of those that are entities of their own and told by their names in this one. */
function namesOf(kind: Kind): Json {
  return Object.fromEntries(
    namedChildrenOf(kind).map(({ field }) => [
      field,
      {
        ...listOf({ type: "string" }),
        description: `Names of its ${field}: sent, they are made and deleted until it has these.`,
      },
    ]),
  );
}

function foreignSchema({ to }: ForeignKey): Json {
  return {
    description: `Its ${to.replaceAll("_", " ")}.`,
    anyOf: [pointerTo("schemas", "reference"), { type: "null" }],
  };
}

/** Where a plugin links no partials, which may give anything of it. */
function configOf({ name }: PluginDefinition): Json {
  const none = { anyOf: [{ type: "null" }, { type: "array", maxItems: 0 }] };
  return configIf(block({ name: { const: name }, partials: none }, ["name"]), configName(name));
}

function partialConfigOf(type: string): Json {
  return configIf(block({ type: { const: type } }), partialName(type));
}

function configIf(condition: Json, name: string): Json {
  return {
    if: condition,
    // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
    then: { properties: { config: { anyOf: [pointerTo("schemas", name), { type: "null" }] } } },
  };
}

function configName(plugin: string): string {
  return `config-${plugin}`;
}

function partialName(type: string): string {
  return `partial-config-${type}`;
}

function propertiesOf({ properties = {}, required = [] }: FieldSchema): Json {
  return Object.fromEntries(
    Object.entries(properties).map(([name, field]) => {
      const schema = schemaOf(field);
      return [name, required.includes(name) ? schema : orNull(schema)];
    }),
  );
}

/** Null stands for "not set", and in a change for "as if it had never been set". */
function orNull(schema: Json): Json {
  const { anyOf, enum: choices, type } = schema;
  if (Array.isArray(anyOf)) return { ...schema, anyOf: [...anyOf, { type: "null" }] };
  if (Array.isArray(choices)) return { ...schema, type: [type, "null"], enum: [...choices, null] };
  return type === undefined ? schema : { ...schema, type: [type, "null"] };
}

/** JSON Schema as it is, with our marks under names that no other tool claims. */
function schemaOf(schema: FieldSchema): Json {
  const { auto: _auto, fileOnly: _fileOnly, prefilled: _prefilled, standsFor: _standsFor, ...known } = schema;
  const { additionalProperties, anyOf, items, planned, properties, secret, sluice, ...rest } = known;
  return {
    ...rest,
    ...(properties && { properties: propertiesOf(schema) }),
    ...(items && { items: schemaOf(items) }),
    ...(anyOf && { anyOf: anyOf.map(schemaOf) }),
    ...(additionalProperties !== undefined && {
      additionalProperties:
        typeof additionalProperties === "object" ? schemaOf(additionalProperties) : additionalProperties,
    }),
    ...(planned && { "x-planned": true }),
    ...(secret && { "x-secret": true }),
    ...(sluice && { "x-sluice": true }),
  };
}
