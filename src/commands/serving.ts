/** A gateway with all it serves with: the world, metrics, the ledger. The same in a process of its own and in a worker. */
import type { Config } from "../config/config.ts";
import { type Gateway, type GatewayOptions, type PluginHealth, startGateway } from "../gateway.ts";
import { createTrust } from "../http/trusted-ips.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics.ts";
import type { Sink } from "../telemetry/sinks.ts";
import { ledgerCloseMs, ledgerComponents, openProcessLedger } from "./process-ledger.ts";
import { addReadings } from "./readings.ts";
import type { Runtime } from "./runtime.ts";
import type { ProcessSettings } from "./settings.ts";
import type { UpstreamFacts, WorkerFacts } from "./workers/messages.ts";

export interface ServingOptions {
  readonly listen: GatewayOptions["listen"];
  /** The same for clients that speak TLS. */
  readonly listenSecure?: GatewayOptions["listen"] | undefined;
  readonly runtime: Runtime;
  readonly sinks: readonly Sink[];
  readonly settings: Pick<ProcessSettings, "ledger" | "prefix" | "trustedIps">;
}

export interface Serving {
  readonly metrics: Metrics;
  /** Undefined until it has started. */
  readonly gateway: Gateway | undefined;
  /** Rejects when the config cannot be built or the address cannot be had; `close` is to be called all the same. */
  start(config: Config): Promise<Gateway>;
  /** How the outside parts are doing: those of plugins, and the ledger. */
  health(): readonly PluginHealth[];
  facts(): WorkerFacts;
  upstreams(): UpstreamFacts;
  /** Lets running exchanges end within the deadline, enters them, and frees everything. */
  close(deadlineMs: number): Promise<void>;
}

/** Opens the ledger; throws an `Error` that names the setting when that cannot work. */
export function createServing({ listen, listenSecure, runtime, sinks, settings }: ServingOptions): Serving {
  const trusts = createTrust(settings.trustedIps);
  const metrics = createMetrics();
  const ledger = openProcessLedger(settings, runtime);
  let gateway: Gateway | undefined;
  const health = () => [...(gateway?.health() ?? []), ...ledgerComponents(ledger)];
  addReadings(metrics, { runtime, gateway: () => gateway, health, ledger });
  return {
    metrics,
    get gateway() {
      return gateway;
    },
    async start(config) {
      gateway = await startGateway(config, {
        listen,
        secure: listenSecure,
        trusts,
        services: runtime,
        sinks,
        metrics,
        ledger,
      });
      return gateway;
    },
    health,
    facts: () => ({
      running: gateway?.running ?? 0,
      traffic: gateway?.traffic ?? { accepted: 0, open: 0, requests: 0 },
      routes: gateway?.snapshot.plans.size ?? 0,
      plugins: gateway?.snapshot.plugins.map((entry) => ({ name: entry.name, id: entry.config.id })) ?? [],
      components: health(),
      targets: gateway?.targets() ?? [],
      upstreamTargets: gateway?.upstreamTargets() ?? [],
      memory: process.memoryUsage.rss(),
    }),
    upstreams: () => ({
      states: gateway?.upstreamStates() ?? [],
      isShown: gateway?.snapshot.showsUpstreams ?? false,
    }),
    async close(deadlineMs) {
      await gateway?.close(deadlineMs);
      await ledger?.close(ledgerCloseMs);
      await runtime.close();
    },
  };
}
