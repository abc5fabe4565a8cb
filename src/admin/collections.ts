/** Entities over HTTP: every path is derived from the kinds and what they refer to. */

import { type Change, create, type Fields, modify, notFound, replace } from "../control/change.ts";
import type { EntityRecord, EntitySet } from "../control/entity-set.ts";
import { type ForeignKey, type Kind, kindAt, kindOf, referringTo } from "../control/kinds.ts";
import { namesIn } from "../control/named-children.ts";
import { remove } from "../control/removal.ts";
import type { Reply } from "../http/reply.ts";
import { isUuid } from "../util/uuid.ts";
import { asker, contextOf, type EntityServices, notAllowed, shower } from "./entity-services.ts";
import { groupReply, membershipReply } from "./memberships.ts";
import { jsonReply } from "./pages.ts";
import { pageOf, withAsked } from "./paging.ts";
import { type AdminRequest, fieldsOf } from "./request.ts";
import { typedFields } from "./typed-fields.ts";

/** Where a request leads: a list, or one entity, perhaps within another. */
export interface Place {
  readonly kind: Kind;
  /** The entity around, by whose field ours are found. */
  readonly owner?: { readonly foreignKey: ForeignKey; readonly id: string } | undefined;
  /** Undefined for the list. */
  readonly item?: string | undefined;
  /** What the path calls it, where that is no id but tells it from its owner's others. */
  readonly called?: Fields | undefined;
  /** It is what another refers to, `/routes/ask/service`: not to be deleted from there, as others may need it. */
  readonly isReferredTo?: boolean;
}

/** Undefined where the path is no entity's. Rejects with a `Refusal`. */
export async function collectionReply(
  request: AdminRequest,
  services: EntityServices,
): Promise<Reply | undefined> {
  const [collection = "", id, nested, ...rest] = request.path;
  const kind = kindAt(collection);
  if (kind === undefined || rest.length > 1) return undefined;
  if (id === undefined) return listReply(request, { kind }, services);
  if (nested === undefined) return itemReply(request, { kind, item: id }, services);
  const [item] = rest;
  const membership = await membershipReply(request, services);
  if (membership !== undefined) return membership;
  const place = nestedPlace(services.control.entities, kind, id, nested, item);
  if (place === undefined) return undefined;
  return place.item === undefined ? listReply(request, place, services) : itemReply(request, place, services);
}

/** `/services/chat/routes`, and the other way round `/routes/ask/service`. */
function nestedPlace(
  entities: EntitySet,
  kind: Kind,
  id: string,
  nested: string,
  item: string | undefined,
): Place | undefined {
  const inner = referringTo(kind.name).find((each) => each.kind.nestedCollection === nested);
  const upward = kind.foreignKeys.find(({ field }) => field === nested);
  if (inner === undefined && upward === undefined) return undefined;
  const around = entities.find(kind, id);
  if (around === undefined) throw notFound();
  if (inner !== undefined) {
    const owner = { foreignKey: inner.foreignKey, id: around.id };
    const called = calledWithin(inner.kind, item);
    return { kind: inner.kind, owner, item: namedWithin(entities, inner.kind, owner, item), called };
  }
  if (upward === undefined || item !== undefined) return undefined;
  const target = around[upward.field];
  if (typeof target !== "object" || target === null || !("id" in target)) throw notFound();
  return { kind: kindOf(upward.to), item: String(target.id), isReferredTo: true };
}

function calledWithin({ entity }: Kind, item: string | undefined): Fields | undefined {
  const field = entity.nameWithinOwner;
  if (field === undefined || item === undefined || isUuid(item)) return undefined;
  return entity.expand?.({ [field]: item }) ?? { [field]: item };
}

/** The id, where the item is called by what only its owner's others are told from: `/upstreams/u/targets/10.0.0.1:80`. */
function namedWithin(
  entities: EntitySet,
  kind: Kind,
  { foreignKey, id }: NonNullable<Place["owner"]>,
  item: string | undefined,
): string | undefined {
  const field = kind.entity.nameWithinOwner;
  if (item === undefined || field === undefined || entities.find(kind, item) !== undefined) return item;
  const name = calledWithin(kind, item)?.[field];
  return entities.referring(kind, foreignKey.field, id).find((each) => each[field] === name)?.id ?? item;
}

async function listReply(request: AdminRequest, place: Place, services: EntityServices): Promise<Reply> {
  const { kind, owner } = place;
  const { control } = services;
  const show = whole(request, kind, services);
  if (request.method === "GET") {
    const records =
      owner === undefined
        ? control.entities.list(kind)
        : control.entities.referring(kind, owner.foreignKey.field, owner.id);
    const page = pageOf(
      withAsked(kind, records, request.query),
      request.query,
      request.exchange.request.path,
    );
    return jsonReply(200, { ...page, data: page.data.map(show) });
  }
  if (request.method !== "POST") return notAllowed("GET, POST");
  const fields = await sentFields(request, place, services);
  const change = await control.change(asker(request, services), (entities) =>
    create(entities, kind, fields, contextOf(services)),
  );
  return jsonReply(201, shownChange(change, show));
}

async function itemReply(request: AdminRequest, place: Place, services: EntityServices): Promise<Reply> {
  const { kind, item = "" } = place;
  const { control } = services;
  const show = whole(request, kind, services);
  const who = asker(request, services);
  switch (request.method) {
    case "GET": {
      const record = within(control.entities, place);
      if (record === undefined) throw notFound();
      return jsonReply(
        200,
        kind.name === "consumer_group"
          ? groupReply(record, control.entities, services, request)
          : show(record),
      );
    }
    case "PUT": {
      const fields = { ...place.called, ...(await sentFields(request, place, services)) };
      const change = await control.change(who, (entities) => {
        refuseElsewhere(entities, place);
        const isNew = place.called !== undefined && entities.find(kind, item) === undefined;
        return isNew
          ? create(entities, kind, fields, contextOf(services))
          : replace(entities, kind, item, fields, contextOf(services));
      });
      return jsonReply(200, shownChange(change, show));
    }
    case "PATCH": {
      const fields = await sentFields(request, { ...place, owner: undefined }, services);
      const change = await control.change(who, (entities) => {
        if (within(entities, place) === undefined) throw notFound();
        return modify(entities, kind, item, fields, contextOf(services));
      });
      return jsonReply(200, shownChange(change, show));
    }
    case "DELETE":
      if (place.isReferredTo === true) return notAllowed("GET, PUT, PATCH");
      await control.change(who, (entities) =>
        within(entities, place) === undefined
          ? { put: [], removed: [], record: undefined }
          : remove(entities, kind, item),
      );
      return { status: 204, headers: {}, body: undefined };
    default:
      return notAllowed(place.isReferredTo === true ? "GET, PUT, PATCH" : "GET, PUT, PATCH, DELETE");
  }
}

/** An entity as this client may see it, with the names of those that are told in it. */
function whole(request: AdminRequest, kind: Kind, services: EntityServices) {
  const show = shower(request, kind, services);
  return (record: EntityRecord): Fields => ({
    ...show(record),
    ...namesIn(services.control.entities, kind, record),
  });
}

/** The entity, where it belongs to the owner that the path names. */
function within(entities: EntitySet, { item = "", kind, owner }: Place): EntityRecord | undefined {
  const record = entities.find(kind, item);
  if (record === undefined || owner === undefined) return record;
  const target = record[owner.foreignKey.field];
  const isOwn = typeof target === "object" && target !== null && "id" in target && target.id === owner.id;
  return isOwn ? record : undefined;
}

/** An id that is another owner's is not to be taken from there by a path that does not name it. */
function refuseElsewhere(entities: EntitySet, place: Place): void {
  if (place.owner === undefined) return;
  const elsewhere = entities.find(place.kind, place.item ?? "");
  if (elsewhere !== undefined && within(entities, place) === undefined) throw notFound();
}

/** What the body says, and what the path does. */
async function sentFields(
  request: AdminRequest,
  { item = "", kind, owner }: Place,
  { context, control }: EntityServices,
): Promise<Fields> {
  const sent = await fieldsOf(request);
  const given = typedFields(kind, sent, control.entities.find(kind, item), context.plugins);
  return owner === undefined ? given : { ...given, [owner.foreignKey.field]: { id: owner.id } };
}

/** The entity as it is then. What was made up for it is told this once. */
function shownChange(
  { generated, record }: Change,
  show: (record: EntityRecord) => Fields,
): Readonly<Record<string, unknown>> {
  if (record === undefined) throw new Error("the change has no entity");
  return { ...show(record), ...generated };
}
