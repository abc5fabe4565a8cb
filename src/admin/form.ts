/** Fields of a form as nested values: `config.key_names[]=apikey`, `paths[1]=/a`, `service.id=…`. */
import { type FieldSchema, fieldAt } from "../config/field-schema.ts";
import { isBlock } from "../control/complete.ts";
import { Refusal } from "../control/refusal.ts";

/** Blocks within blocks; no entity has a tenth of it. */
export const maxDepth = 100;

/** Fields of a form; each is put beside all before it, so that many more would hold up the gateway. */
const maxFields = 1000;

export const tooDeep = `the body has more than ${maxDepth} blocks within each other`;

/** Rejects with a `Refusal` where it is no form of that type. */
export async function parseForm(
  bytes: Buffer,
  contentType: string,
): Promise<Readonly<Record<string, unknown>>> {
  const form = await new Response(Uint8Array.from(bytes), { headers: { "content-type": contentType } })
    .formData()
    .catch((cause: unknown) => {
      throw new Refusal("schema_violation", `the body is no ${contentType}`, undefined, { cause });
    });
  if ([...form.keys()].length > maxFields)
    throw new Refusal("schema_violation", `the form has more than ${maxFields} fields: send JSON`);
  let fields: Readonly<Record<string, unknown>> = {};
  for (const [name, value] of form)
    fields = withText(fields, stepsOf(name), typeof value === "string" ? value : await value.text());
  return fields;
}

/** `a.b[1]` → a, b, 1; `a[]` → a, "". */
function stepsOf(name: string): readonly string[] {
  const steps = name.replaceAll(/\[([^\]]*)\]/g, ".$1").split(".");
  if (steps.length > maxDepth) throw new Refusal("schema_violation", tooDeep);
  return steps;
}

/** Never by assignment, which would set the prototype for a field called __proto__. */
function withText(
  block: Readonly<Record<string, unknown>>,
  [step = "", ...rest]: readonly string[],
  text: string,
): Readonly<Record<string, unknown>> {
  const key = step === "" ? String(Object.keys(block).length + 1) : step;
  const inner = Object.hasOwn(block, key) ? block[key] : undefined;
  if (rest.length > 0) return { ...block, [key]: withText(positions(inner), rest, text) };
  if (inner === undefined) return { ...block, [key]: text };
  return { ...block, [key]: [...listOf(inner), text] };
}

/** Values that came before, of a field that is given in more than one way. */
function positions(inner: unknown): Readonly<Record<string, unknown>> {
  if (inner === undefined || isBlock(inner)) return inner ?? {};
  return Object.fromEntries(listOf(inner).map((item, index) => [String(index + 1), item]));
}

/** Texts as what the schema says they are; what cannot be is left, for the check to complain about. */
export function typed(schema: FieldSchema | undefined, value: unknown): unknown {
  const type = typeOf(schema);
  if (type === "array") return listOf(value).map((item) => typed(schema?.items, item));
  if (isBlock(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, typed(schema && fieldAt(schema, [name]), inner)]),
    );
  if (typeof value !== "string") return value;
  if (value === "") return null;
  if (type === "boolean") return value === "true" ? true : value === "false" ? false : value;
  const isNumber =
    (type === "number" || type === "integer") && value.trim() !== "" && !Number.isNaN(Number(value));
  return isNumber ? Number(value) : value;
}

/** Of a field that takes this or that: a text where it takes one, or else the first. */
function typeOf(schema: FieldSchema | undefined): string | undefined {
  if (schema?.type !== undefined) return schema.type;
  const types = (schema?.anyOf ?? []).map(typeOf);
  return types.includes("string") ? "string" : types[0];
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (!isBlock(value)) return value === "" ? [] : [value];
  // Positions from 1, in any order.
  return Object.entries(value)
    .toSorted(([left], [right]) => Number(left) - Number(right))
    .map(([, item]) => item);
}
