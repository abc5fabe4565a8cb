/** A target of an upstream as the balancing algorithms see it. */
import { createHash } from "node:crypto";
import type { Target } from "../balancer/balancer.ts";
import { formatAddress, type TargetAddress } from "./address.ts";

/** A target as a config has it. */
export interface UpstreamTarget extends TargetAddress {
  /** 0: it gets no request. */
  readonly weight: number;
  /** Only used while no other is left. */
  readonly failover: boolean;
}

export interface HostTarget extends Target {
  readonly address: TargetAddress;
  readonly failover: boolean;
}

/** What is known of it hangs on its address alone: a new weight changes nothing of how it is. */
export function createHostTarget(
  { failover, host, port, weight }: UpstreamTarget,
  index: number,
): HostTarget {
  const address = { host, port };
  const name = formatAddress(address);
  return Object.freeze({
    index,
    id: createHash("sha256").update(name).digest("hex").slice(0, 16),
    place: name,
    name,
    weight,
    failover,
    address,
    description: undefined,
    examples: [],
    inputCost: undefined,
    outputCost: undefined,
  });
}
