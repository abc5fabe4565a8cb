/** `/`: who we are, in the words that Kong's tools look for. */
import { hostname } from "node:os";
import type { Reply } from "../http/reply.ts";
import { jsonReply } from "./pages.ts";

/**
 * The version of Kong whose published behaviour and schemas this follows (see the guide about differences). Its tools read
 * what is supported from it.
 */
export const kongVersion = "3.11.0";

export interface RootFacts {
  readonly version: string;
  readonly nodeId: string;
  readonly plugins: readonly string[];
  /** Plugins that are configured. */
  readonly enabled: readonly string[];
  readonly isWritable: boolean;
  readonly pid: number;
}

export function rootReply({ enabled, isWritable, nodeId, pid, plugins, version }: RootFacts): Reply {
  const available = Object.fromEntries(plugins.map((name) => [name, { version }]));
  return jsonReply(200, {
    tagline: "Sluice",
    version: kongVersion,
    sluice: { version },
    edition: "community",
    hostname: hostname(),
    node_id: nodeId,
    pids: { master: pid },
    plugins: {
      available_on_server: available,
      enabled_in_cluster: [...new Set(enabled)].toSorted(),
      disabled_on_server: {},
    },
    configuration: {
      database: isWritable ? "postgres" : "off",
      role: "traditional",
      router_flavor: "traditional",
    },
    timers: { running: 0, pending: 0 },
  });
}
