/** What to say about a field nobody knows. */
import { nearestName } from "../util/nearest-name.ts";
import { blocksWith, type FieldSchema, knownFields } from "./field-schema.ts";

/** Above this, a list of names helps nobody. */
const mostListed = 15;

/**
 * The nearest right name, those of `others` included, which the schema leaves to somebody else; else the block the field belongs to; else the names there are, if they are few.
 */
export function unknownFieldMessage(
  name: string,
  block: FieldSchema | undefined,
  whole: FieldSchema,
  others: ReadonlySet<string> = new Set(),
): string {
  const known = [...knownFields(block), ...others];
  const near = nearestName(name, known);
  if (near !== undefined) return `unknown field \`${name}\`: did you mean \`${near}\`?`;
  const elsewhere = blocksWith(whole, name);
  if (elsewhere.length > 0 && elsewhere.length <= 3) {
    const places = elsewhere.map((path) => (path === "" ? "the level above" : `\`${path}\``)).join(" or ");
    return `unknown field \`${name}\` here: it belongs in ${places}`;
  }
  if (known.length === 0 || known.length > mostListed) return `unknown field \`${name}\``;
  return `unknown field \`${name}\` (known: ${known.join(", ")})`;
}
