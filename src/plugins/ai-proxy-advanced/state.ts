/** What the block `state` opens: a channel to the other gateways that serve the same config. */
import { findChannel } from "../../shared-state/index.ts";
import type { ComponentHealth, PluginMeta, PluginServices, ProbeResult } from "../plugin.ts";
import type { AiProxyAdvancedConfig } from "./config.ts";

export interface OpenState {
  readonly strategy: string;
  health(): ComponentHealth;
  probe(signal: AbortSignal): Promise<ProbeResult>;
  /** Removes what the server keeps. */
  forget(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Undefined where nothing leaves the gateway. Throws an `Error` that names the setting when the config cannot work. */
export function openState(
  { state }: AiProxyAdvancedConfig,
  services: PluginServices,
  meta: PluginMeta,
): OpenState | undefined {
  const channel = findChannel(state.strategy)?.create(meta.id, state, services);
  if (channel === undefined) return undefined;
  // Whoever only looks tells nobody anything.
  const leave = services.purpose === "serve" ? services.sharing.join(meta.id, channel) : undefined;
  return {
    strategy: state.strategy,
    health() {
      const { place: name, ...rest } = channel.health();
      return { component: "shared_state", name, ...rest };
    },
    async probe(signal) {
      const name = channel.health().place;
      try {
        const startedAt = services.now();
        const facts = await channel.probe(signal);
        const latency = `${Math.round(services.now() - startedAt)} ms`;
        return { component: "shared state", name, facts: { ...facts, latency }, error: undefined };
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return { component: "shared state", name, facts: {}, error: reason };
      }
    },
    forget: (signal) => channel.forget(signal),
    async close() {
      leave?.();
      await channel.close();
    },
  };
}
