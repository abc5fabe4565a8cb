/** What is tagged, of all kinds: `/tags`, and with one tag `/tags/{tag}`. */
import { notFound } from "../control/change.ts";
import type { ControlPlane } from "../control/control-plane.ts";
import { kinds } from "../control/kinds.ts";
import type { Reply } from "../http/reply.ts";
import { notAllowed } from "./entity-services.ts";
import { jsonReply } from "./pages.ts";
import { pageBy, tagsOf } from "./paging.ts";
import type { AdminRequest } from "./request.ts";

/** A page of them. Throws a `Refusal` where there can be none. */
export function tagsReply(
  { exchange, method, path, query }: AdminRequest,
  { entities }: ControlPlane,
): Reply {
  const [, wanted, more] = path;
  if (more !== undefined) throw notFound();
  if (method !== "GET") return notAllowed("GET");
  const all = kinds.flatMap((kind) =>
    entities
      .list(kind)
      .flatMap((record) =>
        tagsOf(record).map((tag) => ({ entity_name: kind.plural, entity_id: record.id, tag })),
      ),
  );
  const found = wanted === undefined ? all : all.filter(({ tag }) => tag === wanted);
  // Of one kind no two have the same id; an entity may have the same tag twice, which is told once.
  const keyOf = (each: (typeof all)[number]) => `${each.entity_id} ${each.entity_name} ${each.tag}`;
  const told = new Map(found.map((each) => [keyOf(each), each]));
  return jsonReply(200, pageBy([...told.values()], { keyOf, query, path: exchange.request.path }));
}
