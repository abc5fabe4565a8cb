/** Which consumers are in which groups: `/consumer_groups/{group}/consumers` and `/consumers/{consumer}/consumer_groups`. */
import { join, leave, notFound, violation } from "../control/change.ts";
import type { EntityRecord, EntitySet, Membership } from "../control/entity-set.ts";
import { kindOf } from "../control/kinds.ts";
import type { Reply } from "../http/reply.ts";
import { asker, type EntityServices, notAllowed, shower } from "./entity-services.ts";
import { jsonReply } from "./pages.ts";
import { pageOf } from "./paging.ts";
import { type AdminRequest, fieldsOf } from "./request.ts";

const sides = {
  consumer_groups: { own: "consumer_group", other: "consumer", nested: "consumers", field: "consumer" },
  consumers: { own: "consumer", other: "consumer_group", nested: "consumer_groups", field: "group" },
} as const;

type Side = (typeof sides)[keyof typeof sides];

/** Both ways of asking who is in which group: where the one is found, and what the list of the others below it is called. */
export const memberships = Object.entries(sides).map(([collection, side]) => ({ collection, ...side }));

/** Undefined where the path is no membership's. Rejects with a `Refusal`. */
export async function membershipReply(
  request: AdminRequest,
  services: EntityServices,
): Promise<Reply | undefined> {
  const [collection = "", id = "", nested, item] = request.path;
  const side = (sides as Readonly<Record<string, Side>>)[collection];
  if (side === undefined || nested !== side.nested) return undefined;
  const { entities } = services.control;
  const own = entities.find(kindOf(side.own), id);
  if (own === undefined) throw notFound();
  return item === undefined
    ? listReply(request, side, own, services)
    : itemReply(request, side, { own, item }, services);
}

async function listReply(
  request: AdminRequest,
  side: Side,
  own: EntityRecord,
  services: EntityServices,
): Promise<Reply> {
  const { control } = services;
  const show = shower(request, kindOf(side.other), services);
  if (request.method === "GET") {
    const page = pageOf(othersOf(control.entities, side, own), request.query, request.exchange.request.path);
    return jsonReply(200, { ...page, data: page.data.map(show), [side.nested]: page.data.map(show) });
  }
  if (request.method !== "POST") return notAllowed("GET, POST");
  const { fields } = await fieldsOf(request);
  const given = fields[side.field];
  const names = (Array.isArray(given) ? given : [given]).map(nameIn);
  let joined: EntityRecord[] = [];
  await control.change(asker(request, services), (entities) => {
    // Another gateway may have deleted it meanwhile.
    if (entities.get(kindOf(side.own), own.id) === undefined) throw notFound();
    const named = names.map((name) => {
      const other = name === undefined ? undefined : entities.find(kindOf(side.other), name);
      if (other === undefined)
        throw violation(`there is no such ${side.field}: give its name or id`, [side.field]);
      return other;
    });
    joined = [...new Set(named)]; // one may be named by id and by name
    const members = new Set(othersOf(entities, side, own));
    const ties = joined.filter((other) => !members.has(other)).map((other) => join(tieOf(side, own, other)));
    return { put: ties.flatMap(({ put }) => put), removed: [], record: own };
  });
  const mine = shower(request, kindOf(side.own), services)(own);
  return jsonReply(201, { [side.own]: mine, [side.nested]: joined.map(show) });
}

async function itemReply(
  request: AdminRequest,
  side: Side,
  { item, own }: { readonly own: EntityRecord; readonly item: string },
  services: EntityServices,
): Promise<Reply> {
  const { control } = services;
  const find = (entities: EntitySet) =>
    othersOf(entities, side, own).find((other) => other === entities.find(kindOf(side.other), item));
  if (request.method === "GET") {
    const found = find(control.entities);
    if (found === undefined) throw notFound();
    return jsonReply(200, { [side.other]: shower(request, kindOf(side.other), services)(found) });
  }
  if (request.method !== "DELETE") return notAllowed("GET, DELETE");
  await control.change(asker(request, services), (entities) => {
    const found = find(entities);
    return found === undefined ? { put: [], removed: [], record: undefined } : leave(tieOf(side, own, found));
  });
  return { status: 204, headers: {}, body: undefined };
}

/** A group with its members and plugins, as Kong answers for one. */
export function groupReply(
  group: EntityRecord,
  entities: EntitySet,
  services: EntityServices,
  request: AdminRequest,
): Readonly<Record<string, unknown>> {
  const plugin = kindOf("plugin");
  return {
    consumer_group: shower(request, kindOf("consumer_group"), services)(group),
    consumers: othersOf(entities, sides.consumer_groups, group).map(
      shower(request, kindOf("consumer"), services),
    ),
    plugins: entities.referring(plugin, "consumer_group", group.id).map(shower(request, plugin, services)),
  };
}

function othersOf(entities: EntitySet, side: Side, own: EntityRecord): readonly EntityRecord[] {
  const kind = kindOf(side.other);
  return entities
    .memberships()
    .filter((tie) => (side.own === "consumer" ? tie.consumer : tie.group) === own.id)
    .map((tie) => entities.get(kind, side.own === "consumer" ? tie.group : tie.consumer))
    .filter((other) => other !== undefined);
}

function tieOf(side: Side, own: EntityRecord, other: EntityRecord): Membership {
  return side.own === "consumer"
    ? { consumer: own.id, group: other.id }
    : { consumer: other.id, group: own.id };
}

function nameIn(given: unknown): string | undefined {
  if (typeof given === "string") return given;
  if (typeof given !== "object" || given === null) return undefined;
  const { id, name, username } = given as Readonly<Record<string, unknown>>;
  return [id, username, name].find((text) => typeof text === "string") as string | undefined;
}
