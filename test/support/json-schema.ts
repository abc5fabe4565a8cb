/** Holds a value against a JSON Schema, of a document of its own or of OpenAPI 3.1: the keywords that ours have, and no others. */

type Json = Readonly<Record<string, unknown>>;

const annotations = new Set([
  "$defs",
  "$ref",
  "$schema",
  "default",
  "deprecated",
  "description",
  "else",
  "format",
  "if",
  "then",
  "title",
  "writeOnly",
  "x-planned",
  "x-secret",
  "x-sluice",
]);

const keywords: Readonly<
  Record<string, (wanted: unknown, value: unknown, check: Check) => readonly string[]>
> = {
  type: (wanted, value) =>
    [wanted].flat().some((type) => isOf(type, value)) ? [] : [`is no ${[wanted].flat().join(" or ")}`],
  const: (wanted, value) => (value === wanted ? [] : [`is not ${wanted}`]),
  enum: (wanted, value) => ((wanted as unknown[]).includes(value) ? [] : ["is none of the choices"]),
  minimum: (wanted, value) => (typeof value === "number" && value < Number(wanted) ? ["is too small"] : []),
  maximum: (wanted, value) => (typeof value === "number" && value > Number(wanted) ? ["is too large"] : []),
  minLength: (wanted, value) =>
    typeof value === "string" && value.length < Number(wanted) ? ["is too short"] : [],
  minItems: (wanted, value) => (Array.isArray(value) && value.length < Number(wanted) ? ["has too few"] : []),
  maxItems: (wanted, value) =>
    Array.isArray(value) && value.length > Number(wanted) ? ["has too many"] : [],
  pattern: (wanted, value) =>
    typeof value === "string" && !new RegExp(String(wanted), "u").test(value) ? ["does not match"] : [],
  required: (wanted, value) =>
    isBlock(value)
      ? (wanted as string[]).filter((name) => !Object.hasOwn(value, name)).map((name) => `lacks ${name}`)
      : [],
  properties: (wanted, value, check) =>
    isBlock(value)
      ? Object.entries(wanted as Json).flatMap(([name, schema]) =>
          Object.hasOwn(value, name) ? check(schema, value[name], name) : [],
        )
      : [],
  items: (wanted, value, check) =>
    Array.isArray(value) ? value.flatMap((item, index) => check(wanted, item, String(index))) : [],
  anyOf: (wanted, value, check) => {
    const faults = (wanted as unknown[]).map((schema) => check(schema, value));
    return faults.some((each) => each.length === 0) ? [] : ["fits none of the options", ...faults.flat()];
  },
  oneOf: (wanted, value, check) => {
    const faults = (wanted as unknown[]).map((schema) => check(schema, value));
    const fits = faults.filter((each) => each.length === 0).length;
    if (fits === 1) return [];
    return fits > 1 ? ["fits several of the options"] : ["fits none of the options", ...faults.flat()];
  },
  allOf: (wanted, value, check) => (wanted as unknown[]).flatMap((schema) => check(schema, value)),
  propertyNames: (wanted, value, check) =>
    isBlock(value) ? Object.keys(value).flatMap((name) => check(wanted, name, name)) : [],
};

type Check = (schema: unknown, value: unknown, step?: string) => readonly string[];

/** What does not fit, with its path; throws for a keyword it does not know and a reference that leads nowhere. */
export function misfitsOf(schema: unknown, value: unknown, document: Json, path = ""): readonly string[] {
  const own = resolved(schema, document);
  const check: Check = (inner, part, step) =>
    misfitsOf(inner, part, document, step === undefined ? path : `${path}/${step}`);
  const faults = Object.entries(own).flatMap(([name, wanted]) => {
    if (name === "additionalProperties") return extras(own, value, check);
    if (annotations.has(name)) return [];
    const keyword = keywords[name];
    if (keyword === undefined) throw new Error(`${path}: the keyword ${name} is not known`);
    return keyword(wanted, value, check).map((fault) =>
      fault.startsWith("/") ? fault : `${path || "/"} ${fault}`,
    );
  });
  if (own["if"] === undefined) return faults;
  const applies = check(own["if"], value).length === 0;
  return [...faults, ...check(own[applies ? "then" : "else"] ?? {}, value)];
}

/** Follows `$ref`. */
export function resolved(schema: unknown, document: Json): Json {
  const { $ref, ...own } = schema as Json;
  if (typeof $ref !== "string") return own;
  const found = $ref
    .split("/")
    .slice(1)
    .reduce<unknown>((part, step) => (part as Json | undefined)?.[step], document);
  if (found === undefined) throw new Error(`${$ref} leads nowhere`);
  return { ...resolved(found, document), ...own };
}

function extras(schema: Json, value: unknown, check: Check): readonly string[] {
  const { additionalProperties, properties = {} } = schema;
  if (!isBlock(value)) return [];
  const names = Object.keys(value).filter((name) => !Object.hasOwn(properties as Json, name));
  if (additionalProperties === false) return names.map((name) => `${name} is unknown`);
  return names.flatMap((name) => check(additionalProperties, value[name], name));
}

function isOf(type: unknown, value: unknown): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return isBlock(value);
  if (type === "integer") return Number.isInteger(value);
  return typeof value === type;
}

function isBlock(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
