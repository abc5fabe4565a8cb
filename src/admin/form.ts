/** Fields of a form as nested values: `config.key_names[]=apikey`, `paths[1]=/a`, `service.id=…`. */
import { type FieldSchema, fieldAt } from "../config/field-schema.ts";
import { isBlock } from "../control/complete.ts";
import { Refusal } from "../control/refusal.ts";

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
  const fields: Record<string, unknown> = {};
  for (const [name, value] of form) {
    const text = typeof value === "string" ? value : await value.text();
    setAt(fields, stepsOf(name), text);
  }
  return fields;
}

/** `a.b[1]` → a, b, 1; `a[]` → a, "". */
function stepsOf(name: string): readonly string[] {
  return name.replaceAll(/\[([^\]]*)\]/g, ".$1").split(".");
}

function setAt(block: Record<string, unknown>, [step = "", ...rest]: readonly string[], text: string): void {
  const inner = block[step];
  const key = step === "" ? String(Object.keys(block).length + 1) : step;
  if (rest.length === 0) {
    block[key] = inner === undefined ? text : [...(Array.isArray(inner) ? inner : [inner]), text];
    return;
  }
  const next: Record<string, unknown> = isBlock(inner) ? { ...inner } : {};
  setAt(next, rest, text);
  block[key] = next;
}

/** Texts as what the schema says they are; what cannot be is left, for the check to complain about. */
export function typed(schema: FieldSchema | undefined, value: unknown): unknown {
  const type = schema?.type;
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

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (!isBlock(value)) return value === "" ? [] : [value];
  // Positions from 1, in any order.
  return Object.entries(value)
    .toSorted(([left], [right]) => Number(left) - Number(right))
    .map(([, item]) => item);
}
