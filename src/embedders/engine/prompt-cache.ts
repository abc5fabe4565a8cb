/** Vectors of recent prompts: least recently used out first, bounded by count and by bytes. */
import { hash } from "node:crypto";

export interface PromptCache<Value> {
  get(key: string): Value | undefined;
  /** `bytes`: what the value holds; the key and the entry's own cost are added. */
  set(key: string, value: Value, bytes: number): void;
  readonly entries: number;
  readonly bytes: number;
}

export interface PromptCacheBounds {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** A key and its map slot, estimated: two short strings' headers, an entry object and the map's share. */
const entryBytes = 200;

/** Longer prompts are known by their hash alone: the text is not kept, nor the request body it is a slice of. */
const longestPlainKey = 64;

/** Marks a hash; a prompt that begins with it is hashed too, so that the two never meet. */
const hashMark = "\u0000";

/** What a prompt is known by: equal for equal texts, different for different ones (short of a SHA-256 collision). */
export function promptKey(text: string): string {
  if (text.length <= longestPlainKey && !text.startsWith(hashMark)) return text;
  return hashMark + hash("sha256", text, "base64url");
}

export function createPromptCache<Value>({ maxEntries, maxBytes }: PromptCacheBounds): PromptCache<Value> {
  // A Map iterates in the order of insertion: re-inserting on use makes its first entry the least recently used.
  const map = new Map<string, { readonly value: Value; readonly bytes: number }>();
  let total = 0;

  function remove(key: string): void {
    const entry = map.get(key);
    if (entry === undefined) return;
    map.delete(key);
    total -= entry.bytes;
  }

  return {
    get(key) {
      const entry = map.get(key);
      if (entry === undefined) return undefined;
      map.delete(key);
      map.set(key, entry);
      return entry.value;
    },
    set(key, value, valueBytes) {
      remove(key);
      const bytes = valueBytes + 2 * key.length + entryBytes;
      if (bytes > maxBytes) return;
      // A short key may be a slice that keeps a whole request body alive: store a copy.
      map.set(Buffer.from(key, "utf16le").toString("utf16le"), { value, bytes });
      total += bytes;
      for (const oldest of map.keys()) {
        if (map.size <= maxEntries && total <= maxBytes) break;
        remove(oldest);
      }
    },
    get entries() {
      return map.size;
    },
    get bytes() {
      return total;
    },
  };
}
