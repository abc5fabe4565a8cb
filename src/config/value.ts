/** From the tree of a file to plain values, and back to what a value is called in a message. */
import type { ConfigNode, MapNode, ScalarNode } from "./tree.ts";

type ReadScalar = (node: ScalarNode) => unknown;

const held: ReadScalar = ({ value }) => value;

/** References to vaults as they were written, in place of what the vault had. */
export const asWritten: ReadScalar = ({ value, written }) => written ?? value;

/** The plain value. Fields that hold null are left out, since decK writes null for "not set". */
export function toValue(node: ConfigNode, read: ReadScalar = held): unknown {
  if (node.kind === "scalar") return read(node);
  if (node.kind === "list") return node.items.map((item) => toValue(item, read));
  return toObject(node, new Set(), read);
}

/** The block as an object, without the fields in `except`. */
export function toObject(
  node: MapNode,
  except: ReadonlySet<string> = new Set(),
  read: ReadScalar = held,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, value] of node.entries) {
    if (isNull(value) || except.has(name)) continue;
    // Not an assignment, which would set the prototype for a field called __proto__.
    Object.defineProperty(result, name, {
      value: toValue(value, read),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return result;
}

export function isNull(node: ConfigNode | undefined): boolean {
  return node?.kind === "scalar" && node.value === null;
}

/** The text of a scalar; undefined for anything else. */
export function textOf(node: ConfigNode | undefined): string | undefined {
  return node?.kind === "scalar" && typeof node.value === "string" ? node.value : undefined;
}

/**
 * The scalar's value, read as the type that a schema expects where it fits. A value that came whole from the environment or
 * a vault has no type of its own: `"${{ env "DECK_PORT" }}"` may be meant as a number and `${{ env "DECK_PIN" }}` as a text.
 */
export function typed({ provenance, text, value }: ScalarNode, expected: string | undefined): unknown {
  if (provenance !== "substituted" && provenance !== "reference") return value;
  if (expected === "string") return text;
  if (expected === "boolean") return text === "true" || (text === "false" ? false : value);
  if (expected !== "number" && expected !== "int" && expected !== "integer") return value;
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : value;
}

/** The text in backticks; nothing where it came from the environment or a vault, and may be a secret. */
export function quote(node: ConfigNode | undefined): string {
  const text = textOf(node);
  if (text === undefined || node?.kind !== "scalar" || node.provenance !== "file") return "";
  return ` \`${text.length > 60 ? `${text.slice(0, 60)}…` : text}\``;
}

/** What the value is, never the value itself. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a block of fields";
  if (typeof value === "boolean") return "true or false";
  return typeof value === "string" ? "a text" : "a number";
}
