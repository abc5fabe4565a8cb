/** Runs a route's plugins. */
import type { Exchange } from "../http/exchange.ts";
import type { Reply } from "../http/reply.ts";
import type { AccessRecord } from "../telemetry/access-record.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Plugin } from "./plugin.ts";

/** The first reply a plugin gives, in order, once all have begun; undefined when all let the request pass. */
export function runAccess(
  plugins: readonly Plugin[],
  exchange: Exchange,
): Reply | undefined | Promise<Reply | undefined> {
  for (const plugin of plugins) plugin.begin?.(exchange);
  const [only] = plugins;
  // The usual chain is one plugin long; its promise needs no other around it.
  return plugins.length === 1 ? only?.access?.(exchange) : runAll(plugins, exchange);
}

async function runAll(plugins: readonly Plugin[], exchange: Exchange): Promise<Reply | undefined> {
  for (const plugin of plugins) {
    const reply = await plugin.access?.(exchange);
    if (reply !== undefined) return reply;
  }
  return undefined;
}

/** Lets every plugin add to the headers of what is about to be sent; one that throws is reported, and the reply is sent. */
export function runRespond(plugins: readonly Plugin[], exchange: Exchange, reply: Reply, log: Logger): void {
  for (const plugin of plugins) {
    if (plugin.respond === undefined) continue;
    try {
      plugin.respond(exchange, reply);
    } catch (error) {
      log.error("a plugin failed while responding", {
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }
}

/** Shows every plugin the record; one that throws is reported and does not keep it from the others. */
export function runLog(
  plugins: readonly Plugin[],
  exchange: Exchange,
  record: AccessRecord,
  log: Logger,
): void {
  for (const plugin of plugins) {
    try {
      plugin.log?.(exchange, record);
    } catch (error) {
      log.error("a plugin failed while logging", {
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }
}
