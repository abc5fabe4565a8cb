/** Which instance of each plugin runs for a request: of those whose scope takes it in, the one with the narrowest. */
import type { Consumer } from "../consumers/consumer.ts";
import type { Plugin } from "../plugins/plugin.ts";
import { LruMap } from "../util/lru.ts";
import type { PluginConfig, PluginScope, RouteConfig } from "./config.ts";
import { inRunOrder } from "./run-order.ts";

/** Beyond this, chains of a route are worked out anew. One is an entry in a map, and most share their array. */
const maxCallers = 10_000;

/** Kong's order, narrowest first. */
const precedence = [
  "consumer route service",
  "group route service",
  "consumer route",
  "consumer service",
  "group route",
  "group service",
  "route service",
  "consumer",
  "group",
  "route",
  "service",
  "",
];

export interface ScopedPlugin {
  readonly name: string;
  readonly config: PluginConfig;
  readonly plugin: Plugin;
}

/** The plugins of a route in the order they run. */
export interface PluginChain {
  /** For a caller that nobody knows. */
  readonly plugins: readonly Plugin[];
  /** Set where some plugin of the route is for single consumers or groups. */
  readonly callers: CallerChains | undefined;
}

/** The plugins of a route where it matters who calls. */
export interface CallerChains {
  /** Run first, for everybody: with the last of them it is known who calls. */
  readonly first: readonly Plugin[];
  /** Run then. */
  rest(caller: Consumer | undefined): readonly Plugin[];
  /** Those that run for some caller and not for everybody. */
  readonly conditional: readonly ScopedPlugin[];
}

/** Compiles the chain of a route; what single callers get is worked out when they come. */
export function compileChain(route: RouteConfig, running: readonly ScopedPlugin[]): PluginChain {
  const here = running.filter(({ config }) => isOnRoute(config.scope, route)).map(rank);
  const conditional = here.filter(({ entry }) => isForCallers(entry.config.scope));
  const base = choose(here, undefined);
  const plugins = base.map(({ plugin }) => plugin);
  if (conditional.length === 0) return { plugins, callers: undefined };
  const count = base.findLastIndex(({ config }) => config.definition.authenticates === true) + 1;
  const first = new Set(base.slice(0, count)); // the same for all: the loader lets no caller's plugin come before them
  const unknown = plugins.slice(count);
  const known = new LruMap<string, readonly Plugin[]>(maxCallers);
  return {
    plugins,
    callers: {
      first: plugins.slice(0, count),
      rest(caller) {
        if (caller === undefined) return unknown;
        let chain = known.get(caller.id);
        if (chain === undefined) {
          const isMeant = conditional.some(({ entry }) => takesIn(entry.config.scope, caller));
          chain = isMeant
            ? choose(here, caller)
                .filter((entry) => !first.has(entry))
                .map(({ plugin }) => plugin)
            : unknown;
          known.set(caller.id, chain);
        }
        return chain;
      },
      conditional: conditional.map(({ entry }) => entry),
    },
  };
}

interface Ranked {
  readonly entry: ScopedPlugin;
  /** Lower is narrower. */
  readonly rank: number;
}

function rank(entry: ScopedPlugin): Ranked {
  const { consumer, consumerGroup, route, service } = entry.config.scope;
  const kind = [
    ...(consumer === undefined ? [] : ["consumer"]),
    ...(consumerGroup === undefined ? [] : ["group"]),
    ...(route === undefined ? [] : ["route"]),
    ...(service === undefined ? [] : ["service"]),
  ];
  return { entry, rank: precedence.indexOf(kind.join(" ")) };
}

/** One instance of each plugin, in the order they run. */
function choose(candidates: readonly Ranked[], caller: Consumer | undefined): readonly ScopedPlugin[] {
  const chosen = new Map<string, Ranked>();
  for (const candidate of candidates) {
    if (!takesIn(candidate.entry.config.scope, caller)) continue;
    const rival = chosen.get(candidate.entry.name);
    if (rival === undefined || isNarrower(candidate, rival, caller))
      chosen.set(candidate.entry.name, candidate);
  }
  return inRunOrder([...chosen.values()].map(({ entry }) => entry));
}

/** Of two groups, the caller's first by name decides. */
function isNarrower(one: Ranked, other: Ranked, caller: Consumer | undefined): boolean {
  if (one.rank !== other.rank) return one.rank < other.rank;
  return groupPlace(one, caller) < groupPlace(other, caller);
}

function groupPlace({ entry }: Ranked, caller: Consumer | undefined): number {
  return caller?.groups.findIndex(({ id }) => id === entry.config.scope.consumerGroup) ?? -1;
}

function isOnRoute(scope: PluginScope, route: RouteConfig): boolean {
  if (scope.service !== undefined && scope.service !== route.service) return false;
  return scope.route === undefined || scope.route === route.id;
}

function isForCallers({ consumer, consumerGroup }: PluginScope): boolean {
  return consumer !== undefined || consumerGroup !== undefined;
}

function takesIn({ consumer, consumerGroup }: PluginScope, caller: Consumer | undefined): boolean {
  if (consumer !== undefined && consumer !== caller?.id) return false;
  return consumerGroup === undefined || caller?.groups.some(({ id }) => id === consumerGroup) === true;
}
