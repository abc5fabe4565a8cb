/** One short text for everything that is configured. */
import { createHash } from "node:crypto";
import type { EntitySet } from "./entity-set.ts";

/** As long as Kong's. */
const length = 32;

const emptyHash = "0".repeat(length);

/** Equal for equal entities, in whatever order they came. */
export function hashOf(entities: EntitySet): string {
  const lines = entities
    .all()
    .map(({ id, kind, record }) => JSON.stringify([kind, id, record]))
    .toSorted();
  return lines.length === 0 ? emptyHash : hashOfText(lines.join("\n"));
}

/** Of a file. */
export function hashOfText(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, length);
}
