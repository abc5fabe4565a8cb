/** What was sent of an entity, by what its fields are. */
import type { FieldSchema } from "../config/field-schema.ts";
import type { Fields } from "../control/change.ts";
import type { Kind } from "../control/kinds.ts";
import { namedChildrenOf } from "../control/named-children.ts";
import { type PluginSchemas, schemaOf } from "../control/plugin-schemas.ts";
import { typed } from "./form.ts";
import type { SentFields } from "./request.ts";

const names: FieldSchema = { type: "array", items: { type: "string" } };

/** Texts of a form as the values that they stand for; `existing` is what fields that were not sent are taken from. */
export function typedFields(
  kind: Kind,
  { areTexts, fields }: SentFields,
  existing: Fields | undefined,
  plugins: PluginSchemas,
): Fields {
  if (!areTexts) return fields;
  const schema = schemaOf(kind, { ...existing, ...fields }, plugins);
  const lists = namedChildrenOf(kind).map(({ field }) => [field, names] as const);
  const properties = { ...schema.properties, ...Object.fromEntries(lists) };
  return typed({ ...schema, properties }, fields) as Fields; // a block stays one
}
