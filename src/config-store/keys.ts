/** Kind and id of entities as one text. */
import { StoreError } from "../util/store-error.ts";
import type { ConfigWrite, EntityKey } from "./config-store.ts";

/** Different for different keys, and in their order: no kind has a NUL in it. */
export function keyText({ kind, id }: EntityKey): string {
  return `${kind}\0${id}`;
}

/** Throws a `StoreError` where a key stands twice in a change, since nobody can say what was meant. */
export function checkKeys({ put, remove }: ConfigWrite, place: string): void {
  const seen = new Set<string>();
  for (const key of [...remove, ...put]) {
    const text = keyText(key);
    if (seen.has(text))
      throw new StoreError("invalid", `${place}: the ${key.kind} ${key.id} stands twice in one change`);
    seen.add(text);
  }
}
