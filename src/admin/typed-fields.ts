/** What was sent of an entity, by what its fields are. */
import type { Fields } from "../control/change.ts";
import type { Kind } from "../control/kinds.ts";
import { configSchemaOf, type PluginSchemas } from "../control/plugin-schemas.ts";
import { typed } from "./form.ts";
import type { SentFields } from "./request.ts";

/** Texts of a form as the values that they stand for; `existing` is what fields that were not sent are taken from. */
export function typedFields(
  kind: Kind,
  { areTexts, fields }: SentFields,
  existing: Fields | undefined,
  plugins: PluginSchemas,
): Fields {
  if (!areTexts) return fields;
  const config = configSchemaOf(kind.name, { ...existing, ...fields }, plugins);
  const properties = { ...kind.fields.properties, ...(config !== undefined && { config }) };
  return typed({ ...kind.fields, properties }, fields) as Fields; // a block stays one
}
