/** Lists in pages, and those with tags. */

import type { EntityRecord } from "../control/entity-set.ts";
import { Refusal } from "../control/refusal.ts";
import { isUuid } from "../util/uuid.ts";

const defaultSize = 100;
/** Most entities that a page has. */
export const maxPageSize = 1000;

export interface Page<Item> {
  readonly data: readonly Item[];
  /** Where the next page is; null at the last. */
  readonly next: string | null;
  /** What `?offset=` wants for it. */
  readonly offset?: string;
}

/** By id, so that what is deleted meanwhile moves nothing. Throws a `Refusal` for a size or an offset that cannot be. */
export function pageOf(
  records: readonly EntityRecord[],
  query: URLSearchParams,
  path: string,
): Page<EntityRecord> {
  const size = sizeOf(query.get("size"));
  const after = afterOf(query.get("offset"));
  const found = tagged(records, query.get("tags")).toSorted((left, right) => (left.id < right.id ? -1 : 1));
  const rest = after === undefined ? found : found.filter(({ id }) => id > after);
  const data = rest.slice(0, size);
  const last = data.at(-1);
  if (last === undefined || rest.length <= size) return { data, next: null };
  const offset = Buffer.from(last.id).toString("base64url");
  const next = new URLSearchParams(query);
  next.set("offset", offset);
  return { data, next: `${path}?${next}`, offset };
}

export function sizeOf(text: string | null): number {
  if (text === null) return defaultSize;
  const size = Number(text);
  if (Number.isInteger(size) && size >= 1 && size <= maxPageSize) return size;
  throw new Refusal("invalid_size", `size must be an integer between 1 and ${maxPageSize}`, { size: text });
}

function afterOf(offset: string | null): string | undefined {
  if (offset === null || offset === "") return undefined;
  const id = Buffer.from(offset, "base64url").toString();
  if (isUuid(id)) return id;
  throw new Refusal("invalid_offset", "invalid offset: send back what the page before gave", { offset });
}

/** `a,b`: both; `a/b`: one of them. */
function tagged(records: readonly EntityRecord[], given: string | null): readonly EntityRecord[] {
  if (given === null || given === "") return records;
  if (given.includes(",") && given.includes("/"))
    throw new Refusal("schema_violation", "invalid option (tags: ',' and '/' exclude each other)", {
      tags: "give all of a,b or one of a/b",
    });
  const wanted = given.split(/[,/]/);
  const isOne = given.includes("/");
  return records.filter((record) => {
    const tags = tagsOf(record);
    return isOne ? wanted.some((tag) => tags.includes(tag)) : wanted.every((tag) => tags.includes(tag));
  });
}

export function tagsOf({ tags }: EntityRecord): readonly string[] {
  return Array.isArray(tags) ? tags : [];
}
