/** A schema as the rows of a Markdown table, one for each field, nested ones with their path. */
import type { FieldSchema } from "./field-schema.ts";

export interface FieldRow {
  /** `targets[].model.name` */
  readonly path: string;
  readonly type: string;
  readonly isRequired: boolean;
  readonly default: unknown;
  readonly range: string;
  readonly meaning: string;
  readonly isOurs: boolean;
  readonly isPlanned: boolean;
  readonly isDeprecated: boolean;
  readonly isSecret: boolean;
}

interface Inherited {
  readonly isOurs: boolean;
  readonly isPlanned: boolean;
}

/** Marks of a block hold for everything in it. */
export function fieldRows(
  schema: FieldSchema,
  prefix = "",
  inherited: Inherited = { isOurs: false, isPlanned: false },
): readonly FieldRow[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = prefix === "" ? name : `${prefix}.${name}`;
    const row: FieldRow = {
      path,
      type: typeOf(field),
      isRequired: schema.required?.includes(name) ?? false,
      default: field.default,
      range: rangeOf(field),
      meaning: field.description ?? "",
      isOurs: inherited.isOurs || field.sluice === true,
      isPlanned: inherited.isPlanned || field.planned === true,
      isDeprecated: field.deprecated === true,
      isSecret: field.secret === true,
    };
    const inner =
      field.items?.properties === undefined
        ? fieldRows(field, path, row)
        : fieldRows(field.items, `${path}[]`, row);
    return [row, ...inner];
  });
}

/** Header and rows. */
export function fieldTable(rows: readonly FieldRow[]): readonly string[] {
  return [
    "| field | type | default | range | meaning |",
    "|---|---|---|---|---|",
    ...rows.map(
      (row) => `| \`${row.path}\` | ${row.type} | ${defaultOf(row)} | ${row.range} | ${meaningOf(row)} |`,
    ),
  ];
}

function typeOf(field: FieldSchema): string {
  if (field.type === "array")
    return `list of ${field.items === undefined ? "anything" : pluralOf(typeOf(field.items))}`;
  if (field.enum !== undefined) return "choice";
  if (field.anyOf?.every((option) => option.const !== undefined)) return "choice";
  if (field.anyOf !== undefined) return "reference";
  if (field.type === "object") return field.properties === undefined ? "map" : "block";
  return (
    { string: "text", integer: "integer", number: "number", boolean: "boolean" }[field.type ?? ""] ??
    "anything"
  );
}

function pluralOf(type: string): string {
  return type === "anything" ? type : `${type}s`;
}

function rangeOf(field: FieldSchema): string {
  const choices = field.enum ?? field.items?.enum ?? constants(field);
  if (choices !== undefined) return choices.map((choice) => `\`${choice}\``).join(", ");
  const { maximum, maxItems, minimum, minItems, minLength } = field;
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  if (minimum !== undefined) return `at least ${minimum}`;
  if (maximum !== undefined) return `at most ${maximum}`;
  if (minItems !== undefined) return `at least ${minItems}`;
  if (maxItems !== undefined) return `at most ${maxItems} entries`;
  return minLength === undefined ? "" : "not empty";
}

function constants(field: FieldSchema): readonly unknown[] | undefined {
  const values = field.anyOf?.map((option) => option.const);
  return values?.every((value) => value !== undefined) ? values : undefined;
}

function defaultOf(row: FieldRow): string {
  if (row.default !== undefined)
    return `\`${typeof row.default === "string" ? row.default : JSON.stringify(row.default)}\``;
  return row.isRequired ? "*required*" : "";
}

function meaningOf(row: FieldRow): string {
  const marks = [
    row.isOurs ? "**Sluice.** " : "",
    row.isPlanned ? "*Not acted on yet.* " : "",
    row.isDeprecated ? "*Deprecated.* " : "",
  ].join("");
  const text = row.meaning.replaceAll("|", "\\|");
  return `${marks}${text}${row.isSecret ? " Secret; use a variable or a vault reference." : ""}`;
}
