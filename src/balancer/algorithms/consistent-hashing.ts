import type { RoutingDecision } from "../../llm/routing-decision.ts";
import type { Logger } from "../../telemetry/logger.ts";
import {
  createHashRing,
  type HashRing,
  type PointsOf,
  ringPoints,
  ringPosition,
} from "../../util/hash-ring.ts";
import {
  type BalanceRequest,
  type Balancer,
  defineBalancer,
  type Target,
  type TargetMemory,
} from "../balancer.ts";

/**
 * A Ketama ring that is the same in every worker and on every node, whatever the order of the targets in the file. A
 * target stands where its model is called, so that a rotated key or a new option moves nothing. One that is out is walked past while the ring stays, so that only its own keys move, in proportion to the weights
 * of the others, and all of them come back. A request without the header stands at a random place.
 */
export const consistentHashing = defineBalancer({
  name: "consistent-hashing",
  summary: "Sends requests with the same value of a header to the same target, as long as it is available.",
  create(settings, targets, services) {
    const ring = createHashRing(targets, Math.max(settings.slots, leastSlots), kept(services.memory));
    return new ConsistentHashing(ring, settings.hashOnHeader, services);
  },
});

/** As in Kong's public balancer: fewer would share too unevenly. */
const leastSlots = 1000;

class ConsistentHashing implements Balancer {
  readonly #ring: HashRing<Target>;
  readonly #headerName: string;
  readonly #services: { readonly random: () => number; readonly log: Logger };
  readonly #positions = new WeakMap<BalanceRequest, number>();
  readonly #keyed: RoutingDecision;
  readonly #unkeyed: RoutingDecision;
  #hasToldOfMissing = false;

  constructor(
    ring: HashRing<Target>,
    headerName: string,
    services: { readonly random: () => number; readonly log: Logger },
  ) {
    this.#ring = ring;
    this.#headerName = headerName;
    this.#services = services;
    this.#keyed = balanced(`by the value of the header ${headerName}`);
    this.#unkeyed = balanced(`at random, for the request has no header ${headerName}`);
  }

  pick(candidates: readonly Target[], request: BalanceRequest): Target | undefined {
    let position = this.#positions.get(request);
    if (position === undefined) {
      position = this.#place(request);
      this.#positions.set(request, position);
    }
    return this.#ring.find(position, candidates);
  }

  describeTarget(target: Target): Readonly<Record<string, number>> {
    return { slots: this.#ring.countOf(target) };
  }

  /** Once per request: its retries walk on from the same place. */
  #place(request: BalanceRequest): number {
    const key = request.hashKey ?? request.header(this.#headerName);
    // An empty value names nobody: as a key it would send all of its requests to one target.
    if (key !== undefined && key !== "") {
      request.decision ??= this.#keyed;
      return ringPosition(key);
    }
    request.decision ??= this.#unkeyed;
    if (request.isTrial) return 0; // any place is as good as another, and chance is not drawn on
    this.#tellOfMissing();
    return Math.floor(this.#services.random() * 2 ** 32);
  }

  #tellOfMissing(): void {
    if (this.#hasToldOfMissing) return;
    this.#hasToldOfMissing = true;
    this.#services.log.debug(
      "consistent-hashing: a request has no value to hash, so it goes to a target at random; further ones are not logged",
      { header: this.#headerName },
    );
  }
}

function balanced(detail: string): RoutingDecision {
  return Object.freeze({ reason: "balanced", detail, groups: [] });
}

interface HeldPoints {
  points: Uint32Array;
}

/** A reload makes the points of those targets only that are new, or have another count now. */
function kept(memory: TargetMemory): PointsOf<Target> {
  return (target, count) => {
    const held = memory.of<HeldPoints>(target, () => ({ points: new Uint32Array(0) }));
    if (held.points.length !== count) held.points = ringPoints(target.place, count);
    return held.points;
  };
}
