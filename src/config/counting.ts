/** What is counted under Kong's names: what plugins say, of an exchange those of its chain, where plugins say it at all. */
import type { Plugin } from "../plugins/plugin.ts";
import { type Counted, everything, nothing } from "../telemetry/counted.ts";
import type { ScopedPlugin } from "./plugin-chains.ts";

/** `chain`: the plugins of the exchange; undefined where it matched no route, which only a global plugin is for. */
export type Counting = (chain: readonly Plugin[] | undefined) => Counted;

export function compileCounting(running: readonly ScopedPlugin[]): Counting {
  const choosing = running.filter(({ plugin }) => plugin.counts !== undefined);
  if (choosing.length === 0) return () => everything;
  const noRoute = choosing.find(isGlobal)?.plugin.counts ?? nothing;
  return (chain) => {
    if (chain === undefined) return noRoute;
    return chain.find(({ counts }) => counts !== undefined)?.counts ?? nothing;
  };
}

/** How upstreams are belongs to no exchange: any plugin, wherever it runs, may ask for it. */
export function countsUpstreams(running: readonly ScopedPlugin[]): boolean {
  const said = running.flatMap(({ plugin }) => plugin.counts ?? []);
  return said.length === 0 || said.some(({ upstreams }) => upstreams);
}

function isGlobal({ config: { scope } }: ScopedPlugin): boolean {
  return Object.values(scope).every((part) => part === undefined);
}
