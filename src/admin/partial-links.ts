/** Which plugins link a partial: `/partials/{partial}/links`. */
import { notFound } from "../control/change.ts";
import type { ControlPlane } from "../control/control-plane.ts";
import type { EntityRecord } from "../control/entity-set.ts";
import { kindOf } from "../control/kinds.ts";
import type { Reply } from "../http/reply.ts";
import { notAllowed } from "./entity-services.ts";
import { jsonReply } from "./pages.ts";
import { pageOf } from "./paging.ts";
import type { AdminRequest } from "./request.ts";

/** A page of them, by id. Throws a `Refusal` where there is no such partial, or can be no such page. */
export function linksReply(
  { exchange, method, path, query }: AdminRequest,
  { entities }: ControlPlane,
): Reply {
  const [, item = "", , more] = path;
  const partial = entities.find(kindOf("partial"), item);
  if (partial === undefined || more !== undefined) throw notFound();
  if (method !== "GET") return notAllowed("GET");
  const linking = entities.list(kindOf("plugin")).filter((plugin) => links(plugin, partial.id));
  const { data, ...rest } = pageOf(linking, query, exchange.request.path);
  const told = data.map(({ id, instance_name, name }) => ({ id, name, instance_name }));
  return jsonReply(200, { ...rest, data: told });
}

function links({ partials }: EntityRecord, id: string): boolean {
  return Array.isArray(partials) && partials.some((link: { readonly id?: unknown }) => link.id === id);
}
