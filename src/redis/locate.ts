/** Finds the server that takes our writes: the configured one, the master that sentinels know, or a node of a cluster. */

import type { Schedule } from "../util/schedule.ts";
import { StoreError } from "../util/store-error.ts";
import { type Connection, openConnection } from "./connection.ts";
import { isRefusal, toStoreError } from "./failures.ts";
import { listOf, numberOf, textOf } from "./reply.ts";
import { type Address, addressName, type RedisSettings, type Route } from "./settings.ts";

type SentinelRoute = Extract<Route, { kind: "sentinel" }>;

export interface Locator {
  /** Opens a connection to the server; rejects with the errors of `openConnection`, or as `StoreError`. */
  connect(signal: AbortSignal): Promise<Connection>;
  /** A node of the cluster has told who owns our keys. */
  owner(address: Address): void;
}

export function createLocator(settings: RedisSettings, schedule: Schedule): Locator {
  const { route, credentials, database, tls, connectMs, exchangeMs } = settings;
  const shared = { credentials, database, tls, connectMs, exchangeMs, schedule };
  const open = (address: Address, signal: AbortSignal) => openConnection({ ...shared, address }, signal);
  let owner: Address | undefined;

  async function connectToCluster(nodes: readonly Address[], signal: AbortSignal): Promise<Connection> {
    const candidates = owner === undefined ? nodes : [owner, ...nodes];
    owner = undefined;
    return firstOf(candidates, (address) => open(address, signal), settings.place);
  }

  async function connectToMaster(sentinel: SentinelRoute, signal: AbortSignal): Promise<Connection> {
    const account = { ...shared, credentials: sentinel.credentials, database: 0 };
    const master = await anyOf(
      sentinel.sentinels,
      (address) => askSentinel({ ...account, address }, sentinel.master, signal),
      settings.place,
    );
    const connection = await open(master, signal);
    await checkMaster(connection, signal);
    return connection;
  }

  return {
    connect(signal) {
      if (route.kind === "direct") return open(route.address, signal);
      return route.kind === "cluster"
        ? connectToCluster(route.nodes, signal)
        : connectToMaster(route, signal);
    },
    owner(address) {
      owner = address;
    },
  };
}

/** One after the other, so that a cluster is not asked by everyone at every node. */
async function firstOf(
  addresses: readonly Address[],
  connect: (address: Address) => Promise<Connection>,
  place: string,
): Promise<Connection> {
  const failures: StoreError[] = [];
  for (const address of addresses) {
    try {
      return await connect(address);
    } catch (error) {
      failures.push(toStoreError(error, { place: addressName(address) }));
    }
  }
  throw together(failures, place);
}

/** All at once: the first sentinel that knows the master wins, and dead ones cost no time. */
async function anyOf(
  addresses: readonly Address[],
  ask: (address: Address) => Promise<Address>,
  place: string,
): Promise<Address> {
  try {
    return await Promise.any(
      addresses.map((address) =>
        ask(address).catch((error: unknown) => {
          throw toStoreError(error, { place: `sentinel ${addressName(address)}` });
        }),
      ),
    );
  } catch (error) {
    if (!(error instanceof AggregateError)) throw error;
    throw together(error.errors, place);
  }
}

/** Of several reasons the one decides that somebody has to mend. */
function together(failures: readonly StoreError[], place: string): StoreError {
  const worst = failures.find(({ kind }) => kind !== "unreachable") ?? failures[0];
  const reasons = [...new Set(failures.map(({ message }) => message))].join("; ");
  return new StoreError(worst?.kind ?? "unreachable", `${place}: ${reasons}`, { cause: worst });
}

/** Redis, "Sentinel client spec", step 2. */
async function askSentinel(
  options: Parameters<typeof openConnection>[0],
  master: string,
  signal: AbortSignal,
): Promise<Address> {
  const connection = await openConnection(options, signal);
  try {
    const reply = await connection.send(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master], signal);
    const [host, port] = [textOf(listOf(reply)[0]), numberOf(listOf(reply)[1])];
    if (host !== undefined && port !== undefined) return { host, port };
    throw new StoreError(
      "unfit",
      `sentinel ${addressName(options.address)} knows no master "${master}": check sentinel_master`,
    );
  } finally {
    connection.drop();
  }
}

/** The same page, step 3: a sentinel may not have noticed yet that the master is none any more. */
async function checkMaster(connection: Connection, signal: AbortSignal): Promise<void> {
  try {
    const role = textOf(listOf(await connection.send(["ROLE"], signal))[0]);
    if (role === "master") return;
    throw new StoreError(
      "unreachable",
      `${addressName(connection.address)}, which the sentinels call the master, says it is a ${role ?? "stranger"}: ` +
        "a failover is under way",
    );
  } catch (error) {
    // Whoever may not ask for the role learns it from the first write.
    if (isRefusal(error)) return;
    connection.drop();
    throw error;
  }
}
