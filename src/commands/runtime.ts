/** The world that a gateway process hands to its parts: clock, chance, network, log. */
import { createTargetMemories } from "../balancer/target-memory.ts";
import { budgetOwner, createBudgetCounts } from "../budgets/budget-counts.ts";
import { createEmbeddingRegistry } from "../embedders/registry.ts";
import { createHttpCaller } from "../http/http-caller.ts";
import type { ListenerServices } from "../http/listener.ts";
import { createUpstreamClient } from "../http/upstream-client.ts";
import { createTokenCounter } from "../llm/token-counter.ts";
import type { PluginServices } from "../plugins/plugin.ts";
import { createStateExchange } from "../shared-state/exchange.ts";
import { splitByOwner } from "../shared-state/shared-memory.ts";
import type { StateChannel } from "../shared-state/state-channel.ts";
import { createLogger, type Logger, type LogLevel } from "../telemetry/logger.ts";
import { createIdSource } from "../util/ids.ts";
import { systemSchedule } from "../util/schedule.ts";
import type { Terminal } from "./terminal.ts";

export interface Runtime extends PluginServices, ListenerServices {
  /** Ends the connections and the thread that are kept. */
  close(): Promise<void>;
}

export interface RuntimeOptions {
  /** Default: `serve`. */
  readonly purpose?: PluginServices["purpose"];
  /** The other workers of this gateway. */
  readonly siblings?: StateChannel;
}

/** The real world; tests build their own. */
export function createRuntime(
  log: Logger,
  env: PluginServices["env"],
  { purpose = "serve", siblings }: RuntimeOptions = {},
): Runtime {
  const now = () => performance.now();
  const wallClock = () => Date.now();
  const random = () => Math.random();
  const caller = createHttpCaller();
  const upstream = createUpstreamClient();
  const newId = createIdSource();
  const tokens = createTokenCounter({
    schedule: systemSchedule,
    onFailure: (error) =>
      log.error("the token counter broke, some estimates are rough", { reason: error.message }),
  });
  const targets = createTargetMemories();
  const budgets = createBudgetCounts();
  const sharing = createStateExchange({
    memories: splitByOwner(budgetOwner(""), budgets, targets),
    peer: newId(),
    now,
    schedule: systemSchedule,
    ...(siblings !== undefined && { siblings }),
  });
  return {
    now,
    wallClock,
    random,
    newId,
    log,
    upstream,
    embeddings: createEmbeddingRegistry({ now, random, log, schedule: systemSchedule }),
    targets,
    budgets,
    sharing,
    call: caller.call,
    schedule: systemSchedule,
    countTokens: tokens.count,
    env,
    purpose,
    async close() {
      sharing.close();
      await Promise.all([upstream.close(), caller.close(), tokens.close()]);
    },
  };
}

/** The program's own log goes to the error stream, so that the output carries access records alone. */
export function terminalLog(terminal: Terminal, level: LogLevel, pretty: boolean): Logger {
  return createLogger({ level, pretty, write: terminal.err, wallClock: () => Date.now() });
}
