/** Rows of `id` and `distance` as what was found. */

import { number, type Row, text } from "../../postgres/rows.ts";
import { clampSimilarity } from "../checks.ts";
import type { VectorMatch } from "../vector-store.ts";

/** Nearest first. The distance from a zero vector is not a number: it is near to nothing. */
export function toNearest(rows: readonly Row[], limit: number): readonly VectorMatch[] {
  return rows
    .map((row) => ({ id: text(row, "id"), distance: number(row, "distance") }))
    .filter(({ distance }) => !Number.isNaN(distance))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, limit)
    .map(({ id, distance }) => ({ id, similarity: clampSimilarity(1 - distance) }));
}
