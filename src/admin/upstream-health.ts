/** What runs of an upstream, in Kong's paths: how its targets are, and what is said of one by hand. */
import { notFound } from "../control/change.ts";
import type { EntityRecord, EntitySet } from "../control/entity-set.ts";
import { kindOf } from "../control/kinds.ts";
import { notCarriedOut, Refusal } from "../control/refusal.ts";
import type { Reply } from "../http/reply.ts";
import { formatAddress, parseAddress, type TargetAddress } from "../upstreams/address.ts";
import type { HealthState, TargetMark, TargetState, UpstreamState } from "../upstreams/upstream-health.ts";
import { lookupKey } from "../util/uuid.ts";
import { actorOf } from "./access.ts";
import { collectionReply } from "./collections.ts";
import { type EntityServices, notAllowed, shower } from "./entity-services.ts";
import { jsonReply } from "./pages.ts";
import { pageOf } from "./paging.ts";
import type { AdminRequest } from "./request.ts";

/** The upstreams of the gateway that runs. */
export interface RunningUpstreams {
  /** Rejects where nobody who serves can say it. */
  states(): Promise<readonly UpstreamState[]>;
  /**
   * Marks a target wherever it runs, in other gateways too; false where it does not. `actor` is for the log. Rejects where
   * somebody who serves has not done it, or may not hear of it.
   */
  mark(mark: TargetMark, actor: string): Promise<boolean>;
}

export interface UpstreamServices extends EntityServices {
  readonly upstreams: RunningUpstreams;
  readonly nodeId: string;
}

/** Undefined where the path is none of these. Rejects with a `Refusal`. */
export async function upstreamReply(
  request: AdminRequest,
  services: UpstreamServices,
): Promise<Reply | undefined> {
  const [collection, upstream = "", nested, target, ...rest] = request.path;
  if (collection !== "upstreams" || nested === undefined) return undefined;
  if (nested === "health" && target === undefined)
    return healthReply(request, upstreamOf(upstream, services), services);
  if (nested !== "targets" || target === undefined) return undefined;
  if (target === "all" && rest.length === 0 && request.method === "GET")
    return collectionReply({ ...request, path: [collection, upstream, nested] }, services);
  const health = rest.at(-1);
  if (rest.length > 2 || (health !== "healthy" && health !== "unhealthy")) return undefined;
  const wanted = { target, address: rest.length === 2 ? rest[0] : undefined, health } as const;
  return markReply(request, upstreamOf(upstream, services), wanted, services);
}

/** All targets, in pages as their list has; or, with `?balancer_health=1`, the upstream alone. */
async function healthReply(
  request: AdminRequest,
  upstream: EntityRecord,
  services: UpstreamServices,
): Promise<Reply> {
  if (request.method !== "GET") return notAllowed("GET");
  const { nodeId: node_id } = services;
  const states = await services.upstreams.states().catch((cause: unknown) => {
    throw notCarriedOut("the targets' health is not known", cause);
  });
  const state = states.find(({ id }) => id === upstream.id);
  if (request.query.get("balancer_health") === "1") {
    const data = { id: upstream.id, health: wordOf(state?.health) };
    return jsonReply(200, { data, next: null, node_id });
  }
  const targets = targetsOf(services.control.entities, upstream);
  const page = pageOf(targets, request.query, request.exchange.request.path);
  const show = shower(request, kindOf("target"), services);
  const data = page.data.map((target) => ({ ...show(target), ...healthOf(target, state) }));
  return jsonReply(200, { ...page, data, total: targets.length, node_id });
}

/** Kong's words. What does not run is not checked. */
function wordOf(health: HealthState = "healthchecks_off"): Uppercase<HealthState> {
  return health.toUpperCase() as Uppercase<HealthState>; // that is what it does
}

/** Names are looked up for each connection, so that a target has one address: its own. */
function healthOf(target: EntityRecord, upstream: UpstreamState | undefined) {
  const address = addressOf(target);
  const state = runningOf(address, upstream);
  const health = wordOf(state?.health);
  const weight = state?.weight ?? 0; // one of weight 0 does not run
  const available = health === "UNHEALTHY" ? 0 : weight;
  return {
    health,
    data: {
      host: address?.host ?? null,
      port: address?.port ?? null,
      nodeWeight: weight,
      weight: { total: weight, available, unavailable: weight - available },
      addresses: address === undefined ? [] : [{ ip: address.host, port: address.port, health, weight }],
    },
  };
}

function runningOf(
  address: TargetAddress | undefined,
  upstream: UpstreamState | undefined,
): TargetState | undefined {
  if (address === undefined) return undefined;
  const name = formatAddress(address);
  return upstream?.targets.find((each) => each.name === name);
}

interface Wanted {
  /** Its id or its address. */
  readonly target: string;
  /** Which of its addresses; undefined: all of them, which is the same. */
  readonly address: string | undefined;
  readonly health: TargetMark["health"];
}

async function markReply(
  request: AdminRequest,
  upstream: EntityRecord,
  { address, health, target }: Wanted,
  services: UpstreamServices,
): Promise<Reply> {
  const { access, control, upstreams } = services;
  const name = markableName(targetsOf(control.entities, upstream), target);
  if (address !== undefined && nameOf(parseAddress(address)) !== name) throw notFound();
  if (request.method !== "PUT" && request.method !== "POST") return notAllowed("PUT, POST");
  const mark = { upstreamId: upstream.id, target: name, health };
  const isRunning = await upstreams.mark(mark, actorOf(request, access)).catch((cause: unknown) => {
    throw notCarriedOut("the target may not be marked everywhere yet, so mark it again", cause);
  });
  if (!isRunning)
    throw new Refusal(
      "not_found",
      `the target ${name} is in no use that could change: its weight is 0, or no service has the upstream as its host`,
    );
  return { status: 204, headers: {}, body: undefined };
}

/** Of the target with this id or address. Throws a `Refusal` where there is none, or its address is not known. */
function markableName(targets: readonly EntityRecord[], idOrAddress: string): string {
  const wanted = nameOf(parseAddress(idOrAddress));
  const named = targets.find((each) => wanted !== undefined && nameOf(addressOf(each)) === wanted);
  const found = targets.find(({ id }) => id === lookupKey(idOrAddress)) ?? named;
  if (found === undefined) throw notFound();
  const name = nameOf(addressOf(found));
  if (name === undefined)
    throw new Refusal(
      "not_found",
      `the target ${found.id} cannot be marked, as its address comes from a vault and is known to what runs alone: give it the address itself`,
    );
  return name;
}

function upstreamOf(idOrName: string, { control }: EntityServices): EntityRecord {
  const upstream = control.entities.find(kindOf("upstream"), idOrName);
  if (upstream === undefined) throw notFound();
  return upstream;
}

function targetsOf(entities: EntitySet, upstream: EntityRecord): readonly EntityRecord[] {
  return entities.referring(kindOf("target"), "upstream", upstream.id);
}

/** Undefined where it comes from a vault: only what runs knows it then. */
function addressOf({ target }: EntityRecord): TargetAddress | undefined {
  return typeof target === "string" ? parseAddress(target) : undefined;
}

function nameOf(address: TargetAddress | undefined): string | undefined {
  return address === undefined ? undefined : formatAddress(address);
}
