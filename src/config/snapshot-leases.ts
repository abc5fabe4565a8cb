/** Keeps a replaced snapshot's plugins and upstreams open until the last exchange that uses them has ended. */
import type { Exchange } from "../http/exchange.ts";
import type { Plugin } from "../plugins/plugin.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Snapshot } from "./snapshot.ts";

interface Use {
  /** Exchanges under way. */
  count: number;
  isRetired: boolean;
}

export class SnapshotLeases {
  readonly #log: Logger;
  readonly #live = new Map<Snapshot, Use>();
  readonly #held = new WeakMap<Exchange, Snapshot>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** A snapshot that exchanges may take from now on. */
  add(snapshot: Snapshot): void {
    this.#live.set(snapshot, { count: 0, isRetired: false });
  }

  take(exchange: Exchange, snapshot: Snapshot): void {
    const use = this.#live.get(snapshot);
    if (use === undefined) return;
    use.count++;
    this.#held.set(exchange, snapshot);
  }

  /** The snapshot that the exchange has taken and not released. */
  held(exchange: Exchange): Snapshot | undefined {
    return this.#held.get(exchange);
  }

  release(exchange: Exchange): void {
    const snapshot = this.#held.get(exchange);
    const use = snapshot === undefined ? undefined : this.#live.get(snapshot);
    if (snapshot === undefined || use === undefined) return;
    this.#held.delete(exchange);
    use.count--;
    this.#dropIfUnused(snapshot, use);
  }

  /** No new exchange takes this snapshot. */
  retire(snapshot: Snapshot): void {
    const use = this.#live.get(snapshot);
    if (use === undefined) return;
    use.isRetired = true;
    this.#dropIfUnused(snapshot, use);
  }

  /** A plugin or upstream may be in several snapshots: it is closed with the last of them. */
  #dropIfUnused(snapshot: Snapshot, use: Use): void {
    if (!use.isRetired || use.count > 0) return;
    this.#live.delete(snapshot);
    const others = [...this.#live.keys()];
    const plugins = new Set(others.flatMap((other) => other.plugins.map(({ plugin }) => plugin)));
    const upstreams = new Set(others.flatMap((other) => other.upstreams.map(({ upstream }) => upstream)));
    for (const { plugin } of snapshot.plugins) if (!plugins.has(plugin)) this.#close(plugin);
    for (const { upstream } of snapshot.upstreams) if (!upstreams.has(upstream)) upstream.close();
  }

  #close(plugin: Plugin): void {
    plugin
      .close?.()
      .catch((error: unknown) => this.#log.error("a plugin did not close", { reason: String(error) }));
  }
}
