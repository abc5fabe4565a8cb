/** An upstream that runs: its targets, the algorithm that chooses among them, and how they are. */
import { randomUUID } from "node:crypto";
import { findAlgorithm } from "../balancer/algorithms/index.ts";
import type { Balancer } from "../balancer/balancer.ts";
import { createPool, type TargetPool, type TargetStatus } from "../balancer/pool.ts";
import type { ClientCertificate } from "../http/upstream-tls.ts";
import type { PluginServices } from "../plugins/plugin.ts";
import type { ServiceUpstream } from "../proxy/service-hosts.ts";
import { formatAddress } from "./address.ts";
import { createHashKey } from "./hash-key.ts";
import { isChecked } from "./healthchecks.ts";
import { createHostHealth, type HostHealth } from "./host-health.ts";
import { createHostTarget, type HostTarget, type UpstreamTarget } from "./host-target.ts";
import { algorithmOf, type UpstreamOptions } from "./options.ts";
import { createProbe } from "./probe.ts";
import { type Selection, UpstreamAttempts } from "./upstream-attempts.ts";
import { type TargetMark, targetHealth, type UpstreamState, upstreamHealth } from "./upstream-health.ts";

/** An upstream as a config has it. */
export interface UpstreamDefinition {
  readonly id: string;
  readonly name: string;
  readonly options: UpstreamOptions;
  readonly clientCertificate: ClientCertificate | undefined;
  readonly targets: readonly UpstreamTarget[];
}

export interface Upstream extends ServiceUpstream {
  readonly id: string;
  readonly name: string;
  /** How its targets are, in the order of the config. Those of weight 0 are not in it. */
  targets(): readonly TargetStatus[];
  /** How it is as a whole, and of each target whether it is used. */
  health(): UpstreamState;
  /** Takes a target out by hand, or lets it in; false where it has none of this name. */
  mark(target: TargetMark["target"], health: TargetMark["health"]): boolean;
  /** What it does, in one line for people. */
  describe(): string;
  /** Ends the active checks; attempts under way may still end. */
  close(): void;
}

export type UpstreamServices = Pick<
  PluginServices,
  "log" | "now" | "purpose" | "random" | "schedule" | "targets" | "upstream"
>;

/** Begins its active checks at once. What is known of a target outlives it for as long as an upstream has the target. */
export function createUpstream(definition: UpstreamDefinition, services: UpstreamServices): Upstream {
  const { clientCertificate, id, name, options } = definition;
  const owner = `upstream ${id}`;
  const targets = definition.targets.filter(({ weight }) => weight > 0).map(createHostTarget);
  const balancer = createBalancer(options, targets, owner, services);
  const healths: HostHealth[] = [];
  const createHealth = (target: HostTarget) => {
    const { address } = target;
    const asked = { address, hostHeader: options.host_header, clientCertificate };
    const health = createHostHealth(name, target, options.healthchecks, {
      ...services,
      memory: services.targets.of(owner, "health"),
      // Whoever only looks asks nobody.
      ...(services.purpose === "serve" && { ask: createProbe(asked, options.healthchecks.active, services) }),
    });
    healths[target.index] = health;
    return health;
  };
  const pool: TargetPool<HostTarget> = createPool(balancer, targets, createHealth, {
    now: services.now,
    letGo: services.targets.hold(owner, targets),
  });
  const selection: Selection = {
    pool,
    regular: targets.filter(({ failover }) => !failover),
    failover: targets.filter(({ failover }) => failover),
    hostHeader: options.host_header,
    hashKey: algorithmOf(options) === "consistent-hashing" ? createHashKey(options, randomUUID) : () => noKey,
    sticky: stickyOf(options),
    hasEnough: () => hasEnough(targets, healths, options.healthchecks.threshold, services.now()),
  };
  return {
    id,
    name,
    open: (exchange, match) => new UpstreamAttempts(selection, exchange, match),
    targets: () => pool.status(),
    health: () => healthOf(definition, targets, healths),
    mark(name, health) {
      const target = targets.find((each) => each.name === name);
      if (target === undefined) return false;
      healths[target.index]?.mark(health);
      return true;
    },
    describe: () => describe(name, options, definition.targets),
    close() {
      pool.close();
      balancer.close?.();
    },
  };
}

/** Nobody hashes: no cookie need be given for it. */
const noKey = { key: "" };

/** Kong's names here → those of the algorithms. `sticky-sessions` chooses for new clients in turn. */
const algorithmNames = {
  "consistent-hashing": "consistent-hashing",
  "least-connections": "least-connections",
  "round-robin": "round-robin",
  latency: "lowest-latency",
  "sticky-sessions": "round-robin",
} as const;

/** What a failure counts as where latencies are compared: Kong's default of a service's timeouts. */
const timeoutMs = 60_000;

function createBalancer(
  options: UpstreamOptions,
  targets: readonly HostTarget[],
  owner: string,
  { log, now, random, targets: memories }: UpstreamServices,
): Balancer {
  const name = algorithmNames[algorithmOf(options)];
  const algorithm = findAlgorithm(name);
  if (algorithm === undefined) throw new Error(`the algorithm ${name} is not in this build`);
  const settings = {
    hashOnHeader: "",
    slots: options.slots,
    latencyStrategy: "e2e",
    tokensCountStrategy: "total-tokens",
    usageHalfLifeMs: timeoutMs,
    connectTimeoutMs: timeoutMs,
    readTimeoutMs: timeoutMs,
  } as const;
  return algorithm.create(settings, targets, { now, random, log, memory: memories.of(owner, name) });
}

function stickyOf(options: UpstreamOptions): Selection["sticky"] {
  const { sticky_sessions_cookie: name, sticky_sessions_cookie_path: path } = options;
  return algorithmOf(options) === "sticky-sessions" && name !== undefined ? { name, path } : undefined;
}

function healthOf(
  { id, name, options: { healthchecks } }: UpstreamDefinition,
  targets: readonly HostTarget[],
  healths: readonly HostHealth[],
): UpstreamState {
  const checked = isChecked(healthchecks);
  const states = targets.map(({ address, index, name: target, weight }) => {
    const health = targetHealth(healths[index]?.isOut === true, checked);
    return { name: target, host: address.host, port: address.port, weight, health };
  });
  return { id, name, health: upstreamHealth(states, healthchecks.threshold, checked), targets: states };
}

/** At least `threshold` percent of the weight is in use. */
function hasEnough(
  targets: readonly HostTarget[],
  healths: readonly HostHealth[],
  threshold: number,
  now: number,
): boolean {
  if (threshold === 0) return true;
  let all = 0;
  let usable = 0;
  for (const { index, weight } of targets) {
    all += weight;
    if (healths[index]?.isAvailable(now) === true) usable += weight;
  }
  return usable * 100 >= all * threshold;
}

function describe(name: string, options: UpstreamOptions, targets: readonly UpstreamTarget[]): string {
  const shown = targets.map((target) => {
    const { failover, weight } = target;
    return `${formatAddress(target)} (${failover ? "failover, " : ""}weight ${weight})`;
  });
  const list = shown.length === 0 ? "no target: every request gets 503" : shown.join(", ");
  return `upstream ${name}, ${algorithmOf(options)}: ${list}`;
}
