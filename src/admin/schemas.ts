/** `/schemas`: what each kind of entity and each plugin may have, and whether something fits. */
import { type KongField, type KongSchema, kongSchema } from "../config/kong-schema.ts";
import { loadDocument } from "../config/load.ts";
import { notFound } from "../control/change.ts";
import { isBlock } from "../control/complete.ts";
import { completeRecord } from "../control/document.ts";
import { type ForeignKey, type Kind, kinds } from "../control/kinds.ts";
import type { PluginSchemas } from "../control/plugin-schemas.ts";
import { Refusal, schemaViolation } from "../control/refusal.ts";
import type { PluginDefinition } from "../plugins/plugin.ts";

export interface SchemaSource {
  readonly schemas: PluginSchemas;
  readonly plugins: readonly PluginDefinition[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Of `services`, … Throws a `Refusal` where there is none. */
export function entitySchemaOf(plural: string): KongSchema {
  const kind = kindNamed(plural);
  const own = kongSchema(kind.fields).fields.flatMap((field) =>
    Object.entries(field).map(([name, told]) => ({ [name]: ofKind(kind, name, told) })),
  );
  return { fields: [...own, ...kind.foreignKeys.map((key) => ({ [key.field]: foreignField(key) }))] };
}

function ofKind({ entity, name: kind, uniqueFields }: Kind, name: string, told: KongField): KongField {
  // Each plugin has a schema of its own.
  if (kind === "plugin" && name === "config") return { type: "record", required: true, fields: [] };
  return {
    ...told,
    ...((name === "id" || uniqueFields.includes(name)) && { unique: true as const }),
    ...(entity.generatedField === name && { auto: true as const }),
  };
}

function foreignField({ isRequired, onDelete, to }: ForeignKey): KongField {
  return {
    type: "foreign",
    reference: pluralOf(to),
    ...(isRequired && { required: true as const }),
    ...(onDelete === "cascade" && { on_delete: onDelete }),
  };
}

/** What a plugin's schema tells beside its fields. */
export interface PluginSchema extends KongSchema {
  /** Type of partial → where such a one can be linked. */
  readonly supported_partials?: Readonly<Record<string, readonly string[]>>;
}

/** Of the plugin: its `config`, and what its other fields are filled in with. Throws a `Refusal` where there is none. */
export function pluginSchemaOf(name: string, { plugins, schemas }: SchemaSource): PluginSchema {
  const schema = schemas.configOf(name);
  if (schema === undefined) throw new Refusal("not_found", `No plugin named '${name}'`);
  const shared = entitySchemaOf("plugins").fields.filter((field) => "protocols" in field);
  const { partials } = plugins.find((plugin) => plugin.name === name) ?? {};
  return {
    fields: [...shared, { config: { type: "record", required: true, ...kongSchema(schema) } }],
    ...(partials !== undefined && {
      supported_partials: Object.fromEntries(
        Object.keys(partials).map((type) => [type, schemas.linkPathsOf(name, type)]),
      ),
    }),
  };
}

/** Of the partials of a type. Throws a `Refusal` where no plugin takes such. */
export function partialSchemaOf(type: string, { schemas }: SchemaSource): KongSchema {
  const schema = schemas.partialOf(type);
  if (schema === undefined) throw new Refusal("not_found", `No partial of type '${type}'`);
  const own = entitySchemaOf("partials").fields.filter((field) => !("config" in field));
  const { fields } = kongSchema(schema);
  return { fields: [...own, { config: { type: "record", required: true, fields } }] };
}

/** Throws a `Refusal` where it does not fit. What it refers to need not be there. */
export function checkAlone(
  plural: string,
  fields: Readonly<Record<string, unknown>>,
  { env, plugins, schemas }: SchemaSource,
): void {
  const kind = kindNamed(plural);
  const expanded = kind.entity.expand?.(fields) ?? fields;
  const given = { ...expanded, ...referencesById(kind, expanded), created_at: fields["created_at"] ?? 0 };
  const record = completeRecord(kind, given, schemas);
  const { problems } = loadDocument(
    { _format_version: "3.0", [kind.plural]: [record] },
    { file: "entities", env, plugins, isFragment: true },
  );
  const faults = problems
    .filter(({ severity }) => severity === "error")
    .map(({ message, steps }) => ({ path: steps.slice(2), message }));
  if (faults.length > 0) throw schemaViolation(faults);
}

/** References that say the name too, as decK sends them, by the id alone, which is what counts. */
function referencesById({ foreignKeys }: Kind, fields: Readonly<Record<string, unknown>>) {
  const blocks = foreignKeys.flatMap(({ field }) => {
    const value = fields[field];
    return isBlock(value) && typeof value["id"] === "string" ? [[field, { id: value["id"] }] as const] : [];
  });
  return Object.fromEntries(blocks);
}

/** By the name of its schema. Throws a `Refusal` where there is none. */
export function kindNamed(plural: string): Kind {
  const kind = kinds.find((each) => each.plural === plural);
  if (kind === undefined) throw notFound();
  return kind;
}

function pluralOf(name: string): string {
  return kinds.find((kind) => kind.name === name)?.plural ?? name;
}
