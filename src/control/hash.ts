/** One short text for everything that is configured. */
import { createHash } from "node:crypto";
import { isBlock } from "./complete.ts";
import type { EntitySet } from "./entity-set.ts";

/** As long as Kong's. */
const length = 32;

const emptyHash = "0".repeat(length);

/** Equal for equal entities, in whatever order they and their fields came, which is a store's affair. */
export function hashOf(entities: EntitySet): string {
  const lines = entities
    .all()
    .map(({ id, kind, record }) => `${kind} ${id} ${textOfRecord(record)}`)
    .toSorted();
  return lines.length === 0 ? emptyHash : hashOfText(lines.join("\n"));
}

/** Of a file. */
export function hashOfText(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, length);
}

/** Equal for equal values, in whatever order their fields came. */
export function textOfRecord(record: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(sorted(record));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isBlock(value)) return value;
  const entries = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([name, inner]) => [name, sorted(inner)]));
}
