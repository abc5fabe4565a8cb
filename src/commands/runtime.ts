/** The world that a gateway process hands to its parts: clock, chance, network, log. */
import { createTargetMemories } from "../balancer/target-memory.ts";
import { createEmbeddingRegistry } from "../embedders/registry.ts";
import { createHttpCaller } from "../http/http-caller.ts";
import type { ListenerServices } from "../http/listener.ts";
import { createUpstreamClient } from "../http/upstream-client.ts";
import type { PluginServices } from "../plugins/plugin.ts";
import { createLogger, type Logger, type LogLevel } from "../telemetry/logger.ts";
import { createIdSource } from "../util/ids.ts";
import { systemSchedule } from "../util/schedule.ts";
import type { Terminal } from "./terminal.ts";

export interface Runtime extends PluginServices, ListenerServices {
  /** Ends the connections that are kept. */
  close(): Promise<void>;
}

/** The real world; tests build their own. `purpose` as in `PluginServices`. */
export function createRuntime(
  log: Logger,
  env: PluginServices["env"],
  purpose: PluginServices["purpose"] = "serve",
): Runtime {
  const now = () => performance.now();
  const wallClock = () => Date.now();
  const random = () => Math.random();
  const caller = createHttpCaller();
  const upstream = createUpstreamClient();
  return {
    now,
    wallClock,
    random,
    newId: createIdSource(),
    log,
    upstream,
    embeddings: createEmbeddingRegistry({ now, random, log, schedule: systemSchedule }),
    targets: createTargetMemories(),
    call: caller.call,
    schedule: systemSchedule,
    env,
    purpose,
    async close() {
      await Promise.all([upstream.close(), caller.close()]);
    },
  };
}

/** The program's own log goes to the error stream, so that the output carries access records alone. */
export function terminalLog(terminal: Terminal, level: LogLevel, pretty: boolean): Logger {
  return createLogger({ level, pretty, write: terminal.err, wallClock: () => Date.now() });
}
