/** Contract of the plugin family: a step in a route's chain. Every hook is optional; its name says when it runs. */
import type { z } from "zod";
import type { TargetStatus } from "../balancer/pool.ts";
import type { TargetMemories } from "../balancer/target-memory.ts";
import type { BudgetCounts } from "../budgets/budget-counts.ts";
import type { EmbeddingRegistry } from "../embedders/registry.ts";
import type { Exchange } from "../http/exchange.ts";
import type { HttpCall } from "../http/http-call.ts";
import type { Reply } from "../http/reply.ts";
import type { UpstreamClient } from "../http/upstream-client.ts";
import type { RoutingDecision } from "../llm/routing-decision.ts";
import type { CountTokens } from "../llm/token-counter.ts";
import type { StateExchange } from "../shared-state/exchange.ts";
import type { AccessRecord } from "../telemetry/access-record.ts";
import type { Counted } from "../telemetry/counted.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Schedule } from "../util/schedule.ts";

export interface Plugin {
  /** Awaited once before the first request, e.g. to embed descriptions. Rejects only when it can never serve. */
  start?(signal: AbortSignal): Promise<void>;
  /** Before every plugin's `access`, so that a plugin late in the order sees a request that an earlier one answers. */
  begin?(exchange: Exchange): void;
  /** Before the upstream call. A reply ends the request here. */
  access?(exchange: Exchange): Reply | undefined | Promise<Reply | undefined>;
  /** Before the answer's head goes out, our own errors included; may add to its headers. Must not throw. */
  respond?(exchange: Exchange, reply: Reply): void;
  /** After the last byte. Can change nothing and must not throw. */
  log?(exchange: Exchange, record: AccessRecord): void;
  /**
   * Decides for a request without sending it, as for one that comes now, and remembers nothing of it but the prompt's
   * vector. Only plugins that choose a target have it.
   */
  explain?(request: ExplainRequest, signal: AbortSignal): Promise<Explanation>;
  /** What it would do, in lines for people; no secrets. */
  describe?(): readonly string[];
  /** How the parts are doing that it cannot do its whole work without. */
  health?(): readonly ComponentHealth[];
  /** How its targets are doing, in the order of the config; only plugins that choose among targets have it. */
  targets?(): readonly TargetStatus[];
  /** Tries every outside part: is it there, is it fit, how long does it take. Never rejects. */
  probe?(signal: AbortSignal): Promise<readonly ProbeResult[]>;
  /** Removes what it keeps outside the process; called once the config has it no longer. */
  forget?(signal: AbortSignal): Promise<void>;
  close?(): Promise<void>;
  /** Headers and parameters by which clients send it their credentials; records of no request show their values. */
  readonly credentialNames?: readonly string[];
  /**
   * What is counted of the exchanges it runs for, under Kong's names. Where some plugin of the config says it, nothing
   * is counted of those that none of them runs for; where none does, everything.
   */
  readonly counts?: Counted;
}

/** A part outside the plugin's own code. Requests are answered all the same while one is down. */
export interface ComponentHealth {
  readonly component:
    | "vector_store"
    | "descriptions"
    | "shared_state"
    | "ledger"
    | "log_endpoint"
    | "log_file"
    | "trace_collector"
    | "budget_counters";
  /** Place or name, without credentials. */
  readonly name: string;
  /** `unknown` until the first contact. */
  readonly state: "unknown" | "up" | "down";
  /** Why it is not up. */
  readonly reason: string | undefined;
  /** Contacts that failed since the plugin was made. */
  readonly failures: number;
  /** Times its content was handed over since then. */
  readonly writes: number;
  /** Things that were meant for it and given up. */
  readonly dropped?: number;
}

export interface ProbeResult {
  readonly component:
    | "vector store"
    | "embedder"
    | "shared state"
    | "log endpoint"
    | "log file"
    | "trace collector"
    | "budget counters";
  /** Place or name, without credentials. */
  readonly name: string;
  /** What was found, in the order to be shown: server, version, dimensions, latencies. */
  readonly facts: Readonly<Record<string, string | number>>;
  /** What is wrong, and what would help; undefined: all is well. */
  readonly error: string | undefined;
}

export interface ExplainRequest {
  /** The JSON body a client would send. */
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Explanation {
  readonly plugin: string;
  /** The plugin's id in the config. */
  readonly pluginId: string;
  readonly algorithm: string;
  readonly decision: RoutingDecision | undefined;
  /** `provider/model` of the target chosen first; undefined when none is available or fits. */
  readonly target: string | undefined;
  /** The error a client would get instead. */
  readonly error?: { readonly status: number; readonly message: string };
  /** How all targets of the plugin are doing, in the order of the config. */
  readonly targets: readonly TargetStatus[];
}

/** Where a plugin instance stands in the config. */
export interface PluginMeta {
  /** Equal across reloads while the instance's place and name are unchanged. */
  readonly id: string;
  readonly instanceName: string | undefined;
}

/** What a plugin may use of the world. Tests pass fakes. */
export interface PluginServices {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly log: Logger;
  readonly upstream: UpstreamClient;
  readonly embeddings: EmbeddingRegistry;
  /** What is remembered of targets across reloads. */
  readonly targets: TargetMemories;
  /** What has been used of budgets, across reloads. */
  readonly budgets: BudgetCounts;
  /** How other processes hear of that, and this one of what they know. */
  readonly sharing: StateExchange;
  /** For embedders that call a vendor, and for signing in to clouds. */
  readonly call: HttpCall;
  readonly schedule: Schedule;
  /** Tokens of texts, where a vendor gives no count. */
  readonly countTokens: CountTokens;
  /** The process's environment, for cloud credentials. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** serve: requests are answered · look: somebody wants to know what would be, and nothing outside may change. */
  readonly purpose: "serve" | "look";
}

/** Something to tell about a config that the schema alone cannot say. */
export interface Finding {
  /** error: the config is refused · warning: probably a mistake · notice: accepted but not acted on yet. */
  readonly severity: "error" | "warning" | "notice";
  /** Relative to the plugin's `config`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Where partials of one type fit into a plugin's config. */
export interface PartialBlocks {
  /**
   * Paths of the blocks that such a partial can fill, the usual one first; `targets[]` is every entry of a list, "" the
   * whole config.
   */
  readonly paths: readonly [string, ...string[]];
  /** Of the partial: one schema for a type, whichever plugin takes it. A block may lack fields of it. */
  readonly schema: z.ZodType;
}

export interface PluginDefinition<Schema extends z.ZodType = z.ZodType> {
  /** Kong's name for Kong's things. */
  readonly name: string;
  /** One sentence; the reference page starts with it. */
  readonly summary: string;
  readonly config: Schema;
  /** It finds out who calls. Plugins that run before the last of these cannot be for single consumers. */
  readonly authenticates?: boolean;
  /** Its `access` answers every request: plugins that have yet to run never see one. */
  readonly answers?: boolean;
  /** Setting → entity that it names. Checked at load, as references between entities are. */
  readonly references?: Readonly<Record<string, string>>;
  /** Type of partial → the blocks it fills. */
  readonly partials?: Readonly<Record<string, PartialBlocks>>;
  /** Cross-field checks, on a value the schema has accepted. */
  check?(config: z.output<Schema>): readonly Finding[];
  /** Slower looks at an accepted config, taken only when somebody asks for advice. */
  review?(config: z.output<Schema>): readonly Finding[];
  create(config: z.output<Schema>, services: PluginServices, meta: PluginMeta): Plugin;
}

/** Declares a member of the family with its config type inferred from its schema. */
export function definePlugin<Schema extends z.ZodType>(
  definition: PluginDefinition<Schema>,
): PluginDefinition<Schema> {
  return definition;
}
