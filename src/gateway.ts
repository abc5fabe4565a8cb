/** Composition root: a config becomes listeners; a reload swaps the snapshot behind them. */

import { setMaxListeners } from "node:events";
import type { TargetStatus } from "./balancer/pool.ts";
import type { Config } from "./config/config.ts";
import type { CallerChains } from "./config/plugin-chains.ts";
import { createSnapshot, type RoutePlan, type Snapshot } from "./config/snapshot.ts";
import { SnapshotLeases } from "./config/snapshot-leases.ts";
import { GatewayError } from "./errors.ts";
import { demandHttps } from "./http/demand-https.ts";
import type { Exchange } from "./http/exchange.ts";
import {
  type ConnectionSource,
  type ExchangeEnd,
  type Listener,
  type ListenerServices,
  listen,
  type Traffic,
} from "./http/listener.ts";
import type { Reply } from "./http/reply.ts";
import { openSecureFront, type SecureFront, type SecureFrontOptions } from "./http/secure-front.ts";
import { entryOf } from "./ledger/entry-of.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { runAccess, runLog, runRespond } from "./plugins/chain.ts";
import type { ComponentHealth, Plugin, PluginServices } from "./plugins/plugin.ts";
import { proxyToService } from "./proxy/reverse-proxy.ts";
import type { RouteMatch } from "./router/router.ts";
import { buildAccessRecord, type RecordFacts } from "./telemetry/access-record.ts";
import type { Logger } from "./telemetry/logger.ts";
import type { Metrics } from "./telemetry/metrics.ts";
import type { Sink } from "./telemetry/sinks.ts";
import type { TargetMark, UpstreamState } from "./upstreams/upstream-health.ts";
import { version } from "./util/version.ts";

export interface GatewayOptions {
  /** Where to listen, or who else does. */
  readonly listen: { readonly host: string; readonly port: number } | ConnectionSource;
  /** The same for clients that speak TLS; undefined: none do. */
  readonly secure?: SecureFrontOptions["at"] | undefined;
  /** Clients that are proxies of ours. Default: none are. */
  readonly trusts?: ListenerServices["trusts"];
  readonly services: PluginServices & ListenerServices;
  readonly sinks: readonly Sink[];
  readonly metrics: Metrics;
  /** Where every exchange with a model is entered; the caller closes it after the gateway. */
  readonly ledger?: Pick<Ledger, "record"> | undefined;
}

export interface PluginHealth extends ComponentHealth {
  readonly plugin: string;
  /** The plugin's id in the config. */
  readonly pluginId: string;
}

/** A config that is ready to serve beside the running one. One of the two is to be called, once. */
export interface PreparedConfig {
  /** Puts it in place of the running one. Throws when that is no longer the one it was prepared beside. */
  commit(): Promise<void>;
  /** Gives it up; the running one has noticed nothing. */
  discard(): Promise<void>;
}

export interface PluginTarget extends TargetStatus {
  /** The plugin's id in the config. */
  readonly pluginId: string;
}

export interface UpstreamTargetStatus extends TargetStatus {
  /** Name and id of the upstream in the config. */
  readonly upstream: string;
  readonly upstreamId: string;
}

export interface Gateway {
  readonly port: number;
  readonly address: string;
  /** Where clients that speak TLS connect. */
  readonly secure: Pick<SecureFront, "address" | "port"> | undefined;
  /** What runs now. */
  readonly snapshot: Snapshot;
  /** Exchanges under way. */
  readonly running: number;
  /** What has come in since the start. */
  readonly traffic: Traffic;
  /** How the outside parts of the running plugins are doing. */
  health(): readonly PluginHealth[];
  /** How the targets of the running plugins are doing, breakers and counts. */
  targets(): readonly PluginTarget[];
  /** The same of the running upstreams. */
  upstreamTargets(): readonly UpstreamTargetStatus[];
  /** Which of those upstreams and targets are well. */
  upstreamStates(): readonly UpstreamState[];
  /** Takes a target of an upstream out by hand, or lets it in; false where none of them runs. */
  markTarget(mark: TargetMark): boolean;
  /**
   * Puts a new config in place of the running one, or throws and leaves that one as it is. `beforeCommit` runs when the new
   * one is ready; where it rejects, that is given up.
   */
  reload(config: Config, beforeCommit?: () => Promise<void>): Promise<void>;
  /** The first half of a reload, for many gateways that take a config together or not at all. Throws as `reload` does. */
  prepare(config: Config): Promise<PreparedConfig>;
  /** Stops accepting, lets running exchanges end within the deadline, and frees everything. */
  close(deadlineMs: number): Promise<void>;
}

/** How long a start or reload waits for plugins to get ready; they go on getting ready while requests are served. */
const startDeadlineMs = 10_000;

const serverName = `sluice/${version()}`;

/** Starts to serve a config. Rejects when it cannot be built or the address cannot be had. */
export async function startGateway(config: Config, options: GatewayOptions): Promise<Gateway> {
  const { services, sinks, metrics, ledger } = options;
  const stopping = new AbortController();
  // Every plugin may listen to it; node's warning at eleven is meant for leaks.
  setMaxListeners(0, stopping.signal);
  const leases = new SnapshotLeases(services.log);
  let current = createSnapshot(config, services);
  leases.add(current);
  let lastReload: Promise<void> = Promise.resolve();

  const tell = (exchange: Exchange, ending: Omit<RecordFacts, "credentialNames">): void => {
    const { ai } = exchange;
    exchange.admission?.settle(ai);
    const { countedOf, credentialNames, everywhere } = leases.held(exchange) ?? current;
    const record = buildAccessRecord(exchange, { ...ending, credentialNames });
    const plan = planOf(exchange);
    const plugins = plan === undefined ? undefined : pluginsFor(plan, exchange);
    metrics.observe(record, ai, countedOf(plugins));
    for (const sink of sinks) sink.write(record);
    if (ai !== undefined) ledger?.record(entryOf(record, ai));
    runLog(plugins ?? everywhere, exchange, record, services.log);
    if (ending.error !== undefined) logFailure(ending.error, exchange, services.log);
    leases.release(exchange);
  };
  const finish = (reply: Reply, exchange: Exchange) => {
    finishHeaders(reply, exchange, services.now());
    const plan = planOf(exchange);
    if (plan !== undefined) runRespond(pluginsFor(plan, exchange), exchange, reply, services.log);
  };
  const handler = {
    async handle(exchange: Exchange): Promise<Reply> {
      const snapshot = current;
      leases.take(exchange, snapshot);
      const reply = await route(exchange, snapshot, services);
      finish(reply, exchange);
      return reply;
    },
    done(exchange: Exchange, end: ExchangeEnd, error: Error | undefined): void | Promise<void> {
      const now = services.now();
      const counting = exchange.ai?.counting;
      const conclude = () => tell(exchange, { end, now, error });
      return counting === undefined ? conclude() : counting.then(conclude, conclude);
    },
    rejectHeaders: finish,
  };
  const { listener, secure } = await open();

  async function open() {
    let opened: Listener | undefined;
    try {
      await startPlugins(current, undefined, stopping.signal, services.log);
      opened = await listen(options.listen, handler, { ...services, trusts: options.trusts });
      const { secure: at } = options;
      const front = at && { at, log: services.log, now: services.now };
      return {
        listener: opened,
        secure: front && (await openSecureFront(opened, config.certificates, front)),
      };
    } catch (error) {
      await opened?.close(0);
      stopping.abort(error);
      await closeUnused(current, undefined, services.log);
      throw error;
    }
  }

  const prepare = async (next: Config): Promise<PreparedConfig> => {
    const previous = current;
    const certificates = secure?.prepare(next.certificates);
    const snapshot = createSnapshot(next, services, previous);
    const discard = () => closeUnused(snapshot, previous, services.log);
    try {
      await startPlugins(snapshot, previous, stopping.signal, services.log);
    } catch (error) {
      await discard();
      throw error;
    }
    return {
      async commit() {
        if (current !== previous) {
          await closeUnused(snapshot, current, services.log);
          throw new Error("another config was taken while this one was prepared");
        }
        leases.add(snapshot);
        current = snapshot;
        if (certificates !== undefined) secure?.take(certificates);
        await forgetRemoved(previous, snapshot, stopping.signal, services.log);
        leases.retire(previous);
      },
      discard,
    };
  };
  return {
    port: listener.port,
    address: listener.address,
    secure,
    get snapshot() {
      return current;
    },
    get running() {
      return listener.running;
    },
    get traffic() {
      return listener.traffic;
    },
    targets: () =>
      current.plugins.flatMap(({ config: { id }, plugin }) =>
        (plugin.targets?.() ?? []).map((target) => ({ pluginId: id, ...target })),
      ),
    upstreamTargets: () =>
      current.upstreams.flatMap(({ upstream }) =>
        upstream.targets().map((target) => ({ upstream: upstream.name, upstreamId: upstream.id, ...target })),
      ),
    upstreamStates: () => current.upstreams.map(({ upstream }) => upstream.health()),
    markTarget: ({ health, target, upstreamId }) =>
      current.upstreams.some(({ upstream }) => upstream.id === upstreamId && upstream.mark(target, health)),
    health: () =>
      current.plugins.flatMap(({ name, config: { id }, plugin }) =>
        (plugin.health?.() ?? []).map((part) => ({ plugin: name, pluginId: id, ...part })),
      ),
    reload(next, beforeCommit) {
      // One at a time and in order: the last config asked for is the one that runs.
      const swapped = lastReload.then(async () => {
        const prepared = await prepare(next);
        try {
          await beforeCommit?.();
        } catch (error) {
          await prepared.discard();
          throw error;
        }
        await prepared.commit();
      });
      lastReload = swapped.catch(() => undefined);
      return swapped;
    },
    prepare,
    async close(deadlineMs) {
      // Timers of plugins that hand over their last entries keep no process alive; this one does.
      const awake = setInterval(() => undefined, 60_000);
      await listener.close(deadlineMs);
      stopping.abort(new Error("the gateway is stopping"));
      await lastReload;
      await closeUnused(current, undefined, services.log);
      await services.upstream.close();
      await Promise.all(sinks.map((sink) => sink.close()));
      clearInterval(awake);
    },
  };
}

async function route(exchange: Exchange, snapshot: Snapshot, services: PluginServices): Promise<Reply> {
  const { request } = exchange;
  const match: RouteMatch<RoutePlan> | undefined = snapshot.router.match({
    method: request.method,
    path: request.path,
    host: headerText(request.headers["host"]),
    header: (name) => headerText(request.headers[name]),
    scheme: request.scheme,
    serverName: request.tls?.serverName,
  });
  if (match === undefined) throw new GatewayError("no_route");
  exchange.route = match;
  if (match.needsHttps) return demandHttps(request, match.route.httpsRedirectStatus ?? 426);
  exchange.consumers = snapshot.consumers;
  const { callers, plugins, service, serviceRecord, upstream } = match.payload;
  if (serviceRecord !== undefined) exchange.service = serviceRecord;
  // Routes without a plugin for single callers, which are most, pay nothing for there being such plugins.
  const reply = await (callers === undefined
    ? runAccess(plugins, exchange)
    : runForCaller(callers, exchange));
  if (reply !== undefined) return reply;
  if (service === undefined)
    throw new GatewayError("no_service", { route: match.route.name ?? match.route.id });
  return proxyToService(exchange, match, service, services, upstream);
}

async function runForCaller(callers: CallerChains, exchange: Exchange): Promise<Reply | undefined> {
  const reply = await runAccess(callers.first, exchange);
  return reply ?? runAccess(callers.rest(exchange.consumer), exchange);
}

function planOf({ route }: Exchange): RoutePlan | undefined {
  return route?.payload as RoutePlan | undefined; // the router was built with RoutePlan
}

function pluginsFor({ callers, plugins }: RoutePlan, { consumer }: Exchange): readonly Plugin[] {
  return callers === undefined ? plugins : [...callers.first, ...callers.rest(consumer)];
}

function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(", ") : value;
}

/** Kong's headers about the way of the request. */
function finishHeaders(reply: Reply, exchange: Exchange, now: number): void {
  const { headers } = reply;
  headers["x-kong-request-id"] = exchange.id;
  if (exchange.trace?.replyHeaders !== undefined) Object.assign(headers, exchange.trace.replyHeaders);
  const total = Math.round(now - exchange.startedAt);
  const last = exchange.attempts.at(-1);
  if (last?.headMs === undefined || reply.error !== undefined) {
    headers["server"] = serverName;
    headers["x-kong-response-latency"] = String(total);
    return;
  }
  const upstream = Math.round(last.headMs);
  headers["via"] = `1.1 ${serverName}`;
  headers["x-kong-upstream-latency"] = String(upstream);
  headers["x-kong-proxy-latency"] = String(Math.max(0, total - upstream));
}

/** What the operator has to see beside the access record: failures that are ours, with their cause. */
function logFailure(error: Error, exchange: Exchange, log: Logger): void {
  if (!(error instanceof GatewayError) || error.code !== "internal") return;
  const { cause } = error;
  log.error("a request failed unexpectedly", {
    request: exchange.id,
    reason: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
  });
}

/** Starts what is new in `snapshot`; waits for it, but not for ever. A plugin that can never serve throws. */
async function startPlugins(
  snapshot: Snapshot,
  previous: Snapshot | undefined,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  const known = new Set(previous?.plugins.map(({ plugin }) => plugin));
  const starting = snapshot.plugins
    .filter(({ plugin }) => !known.has(plugin))
    .map(({ plugin }) => plugin.start?.(signal));
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      log.warn("some plugins are not ready yet; requests are served meanwhile", {
        waitedMs: startDeadlineMs,
      });
      resolve();
    }, startDeadlineMs);
  });
  try {
    await Promise.race([Promise.all(starting), deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Lets plugins that the config has no longer remove what they keep outside. A failure leaves it there, which harms
 * nobody. Before they are closed, since they need their connections for it.
 */
async function forgetRemoved(
  previous: Snapshot,
  snapshot: Snapshot,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  const kept = new Set(snapshot.plugins.map(({ config }) => config.id));
  const removed = previous.plugins.filter(({ config }) => !kept.has(config.id));
  const forgetting = removed.map(async ({ name, plugin }) => {
    try {
      await plugin.forget?.(signal);
    } catch (error) {
      log.warn("a removed plugin left its data in its store", { plugin: name, reason: String(error) });
    }
  });
  await Promise.all(forgetting);
}

/** Closes what `snapshot` has and `kept` has not. A plugin that cannot close is reported and stops nobody else. */
async function closeUnused(snapshot: Snapshot, kept: Snapshot | undefined, log: Logger): Promise<void> {
  const upstreams = new Set(kept?.upstreams.map(({ upstream }) => upstream));
  for (const { upstream } of snapshot.upstreams) if (!upstreams.has(upstream)) upstream.close();
  const inUse = new Set(kept?.plugins.map(({ plugin }) => plugin));
  const closing = snapshot.plugins.map(async ({ plugin }) => {
    try {
      if (!inUse.has(plugin)) await plugin.close?.();
    } catch (error) {
      log.error("a plugin did not close", { reason: String(error) });
    }
  });
  await Promise.all(closing);
}
