/** What a server is and what it can search with. */

import type { Connection } from "../../redis/connection.ts";
import { isMissingIndex, isRefusal } from "../../redis/failures.ts";
import { listOf, numberOf, pairsOf, textOf } from "../../redis/reply.ts";
import { addressName, type RedisSettings } from "../../redis/settings.ts";
import { StoreError } from "../../util/store-error.ts";
import type { VectorRedisOptions } from "../redis-options.ts";
import type { StoreFacts } from "../vector-store.ts";
import type { Engine, Outcome } from "./engine.ts";
import { keyPrefix } from "./keys.ts";
import { queryEngine } from "./query-engine.ts";
import { vectorSets } from "./vector-sets.ts";

export type SearchSettings = RedisSettings & Pick<VectorRedisOptions, "engine">;

/** A server and the engine chosen for it. */
export interface Fit {
  readonly engine: Engine;
  readonly facts: StoreFacts;
}

/** What a server told about itself; what it would not tell is absent. */
export interface Traits {
  /** Product and version. */
  readonly server: string;
  /** Name and version of the query engine; `tooOld` when it knows no vectors. */
  readonly search?: { readonly name: string; readonly isTooOld: boolean };
  /** Name and version of the vector sets. */
  readonly vectorSets?: string;
}

/** RediSearch 2.4 was the first with vectors. */
const firstSearchWithVectors = 20_400;

const engines: readonly Engine[] = [queryEngine, vectorSets];

/** The engine that a manifest names; undefined when it is none of ours. */
export function engineNamed(name: string): Engine | undefined {
  return engines.find((engine) => engine.name === name);
}

const remedy =
  "use Redis 8, Redis Stack, or Valkey with the valkey-search module, or another vectordb.strategy (pgvector, memory)";

/** Asks the server and chooses. Rejects as `unfit`, saying what would help. */
export async function fitServer(
  connection: Connection,
  settings: SearchSettings,
  signal: AbortSignal,
): Promise<Fit> {
  const traits = settings.isProxied
    ? await askThroughProxy(connection, settings, signal)
    : await askServer(connection, signal);
  return choose(traits, settings, addressName(connection.address));
}

/** Prefers the query engine, as the published plugin does. Throws as `unfit`. */
export function choose(
  traits: Traits,
  settings: Pick<SearchSettings, "engine" | "database">,
  at: string,
): Fit {
  const { engine: asked, database } = settings;
  const obstacle = searchObstacle(traits, database);
  if (asked !== "vectorset" && obstacle === undefined)
    return { engine: queryEngine, facts: { server: traits.server, engine: traits.search?.name ?? "" } };
  if (asked !== "search" && traits.vectorSets !== undefined)
    return { engine: vectorSets, facts: { server: traits.server, engine: traits.vectorSets } };
  const lack = {
    search: obstacle,
    vectorset: "has no vector sets (VADD)",
    auto:
      traits.search === undefined
        ? "has neither the query engine (FT.*) nor vector sets (VADD)"
        : `${obstacle} and has no vector sets (VADD)`,
  }[asked];
  const otherwise = asked === "auto" ? "" : `, which engine: ${asked} asks for`;
  throw new StoreError("unfit", `${traits.server} at ${at} ${lack}${otherwise}: ${remedy}`);
}

function searchObstacle({ search }: Traits, database: number): string | undefined {
  if (search === undefined) return "has no query engine (FT.*)";
  if (search.isTooOld) return `has ${search.name}, which knows no vectors (2.4 and newer do),`;
  if (database !== 0) return `indexes only database 0, not database ${database},`;
  return undefined;
}

/** Managed servers hide some of this: each of the three questions may be refused. */
async function askServer(connection: Connection, signal: AbortSignal): Promise<Traits> {
  const ask = (...command: string[]) => connection.send(command, signal);
  const outcomes = await Promise.allSettled([
    ask("INFO", "server"),
    ask("MODULE", "LIST"),
    ask("COMMAND", "INFO", "FT.SEARCH", "VADD"),
  ]);
  const [info, modules, commands] = outcomes.map(unlessRefused);
  const { product, server } = productOf(textOf(info) ?? "");
  const loaded = modulesOf(modules);
  const [hasSearch, hasVectorSets] = listOf(commands).map((command) => command !== null);
  const search =
    searchOf(product, loaded) ?? (hasSearch ? { name: "query engine", isTooOld: false } : undefined);
  const sets = vectorSetsOf(loaded) ?? (hasVectorSets ? "vector sets" : undefined);
  return traitsOf(server, search, sets);
}

function traitsOf(server: string, search: Traits["search"], sets: string | undefined): Traits {
  return {
    server,
    ...(search === undefined ? {} : { search }),
    ...(sets === undefined ? {} : { vectorSets: sets }),
  };
}

/** Whatever is not about the question itself is trouble that the caller should hear of. */
function unlessRefused(outcome: Outcome): unknown {
  if (outcome.status === "fulfilled") return outcome.value;
  if (isRefusal(outcome.reason)) return undefined;
  throw outcome.reason;
}

/** From INFO's `server` section. Valkey says `redis_version` too, of the Redis it is compatible with. */
export function productOf(info: string): { readonly product: string; readonly server: string } {
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1];
  for (const product of ["Valkey", "Dragonfly", "Redis"]) {
    const version = field(`${product.toLowerCase()}_version`);
    if (version !== undefined) return { product, server: `${product} ${version.replace(/^df-v?/, "")}` };
  }
  return { product: "", server: "the server" };
}

type Modules = ReadonlyMap<string, number>;

/** Name → version, from MODULE LIST. */
export function modulesOf(reply: unknown): Modules {
  return new Map(
    listOf(reply).map((module) => {
      const fields = pairsOf(module);
      return [textOf(fields.get("name")) ?? "", numberOf(fields.get("ver")) ?? 0] as const;
    }),
  );
}

/** RediSearch 1.x called itself `ft`; valkey-search is called `search` too, but counts from 1.0. */
export function searchOf(product: string, modules: Modules): Traits["search"] {
  const version = modules.get("search") ?? modules.get("searchlight") ?? modules.get("ft");
  if (version === undefined) return undefined;
  if (product === "Valkey") return { name: `valkey-search ${dotted(version)}`, isTooOld: false };
  return { name: `RediSearch ${dotted(version)}`, isTooOld: version < firstSearchWithVectors };
}

function vectorSetsOf(modules: Modules): string | undefined {
  const version = modules.get("vectorset");
  return version === undefined ? undefined : `vector sets ${version}`;
}

/** 20,106 → 2.1.6 */
function dotted(version: number): string {
  return [Math.floor(version / 10_000), Math.floor(version / 100) % 100, version % 100].join(".");
}

/**
 * A proxy knows commands by their keys, and some close the connection at others: nothing is asked but whether each
 * engine's commands are there, and not even that when the config says which to use.
 */
async function askThroughProxy(
  connection: Connection,
  { engine }: SearchSettings,
  signal: AbortSignal,
): Promise<Traits> {
  const server = "the server behind the proxy";
  const search = { name: "query engine", isTooOld: false };
  if (engine === "search") return { server, search };
  if (engine === "vectorset") return { server, vectorSets: "vector sets" };
  const knows = async (command: string) => {
    try {
      await connection.send([command, `${keyPrefix}probe`], signal);
      return true;
    } catch (error) {
      if (isMissingIndex(error)) return true;
      if (isRefusal(error)) return false;
      throw error;
    }
  };
  const hasSearch = await knows("FT.INFO");
  const hasVectorSets = await knows("VCARD");
  return traitsOf(server, hasSearch ? search : undefined, hasVectorSets ? "vector sets" : undefined);
}
