/** Redis servers that belong together: a master watched by sentinels, and a cluster. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { installed } from "../servers/installed.mjs";
import { freePort } from "./free-port.ts";
import { askRedis, eventually } from "./server-clients.ts";
import { startProcess, temporaryFolder } from "./server-process.ts";
import { type ServerOptions, startServer, type TestServer } from "./server-start.ts";

const host = "127.0.0.1";
const masterName = "mymaster";

export interface SentinelOptions extends Pick<ServerOptions, "password" | "user"> {
  /** The sentinels ask for it. */
  readonly sentinelPassword?: string;
}

export interface Sentinel {
  readonly host: string;
  readonly port: number;
  kill(): Promise<void>;
}

export interface ServerSentinels {
  /** As it was at the start; after a failover `replica` is the master. */
  readonly master: TestServer;
  readonly replica: TestServer;
  readonly sentinels: readonly Sentinel[];
  readonly masterName: string;
  /** Port of the master, when all sentinels that live tell the same. */
  currentMaster(): Promise<number | undefined>;
  stop(): Promise<void>;
}

/**
 * A Redis 8 master, its replica and three sentinels (quorum 2) that know each other from the start. They take half a
 * second of silence for an outage and ask one another often, so that a failover takes about two seconds.
 */
export async function startSentinels(options: SentinelOptions = {}): Promise<ServerSentinels> {
  const { sentinelPassword, ...account } = options;
  const owners: Stoppable[] = [];
  return stoppingAllOnFailure(owners, async () => {
    const args = replicationArgs(account);
    const master = owned(owners, await startServer("redis", { ...account, args }));
    const replicaArgs = [...args, "--replicaof", `${host} ${master.port}`];
    const replica = owned(owners, await startServer("redis", { ...account, args: replicaArgs }));
    await eventually(() => hasReplica(master), "the replica to follow its master");
    const peers = await newPeers(3);
    const watched = { peers, master, replica, account, sentinelPassword };
    const sentinels: RunningSentinel[] = [];
    for (const peer of peers) sentinels.push(owned(owners, await startSentinel(peer, watched)));
    await eventually(
      async () => (await Promise.all(sentinels.map(isWatching))).every(Boolean),
      "the sentinels",
    );
    return {
      master,
      replica,
      sentinels,
      masterName,
      async currentMaster() {
        const ports = await Promise.all(sentinels.filter((each) => each.isRunning()).map(masterPort));
        return ports.every((port) => port === ports[0]) ? ports[0] : undefined;
      },
      stop: () => stopAll(owners),
    };
  });
}

interface Stoppable {
  stop(): Promise<void>;
}

function owned<T extends Stoppable>(owners: Stoppable[], thing: T): T {
  owners.push(thing);
  return thing;
}

async function stopAll(owners: readonly Stoppable[]): Promise<void> {
  await Promise.all(owners.map((each) => each.stop()));
}

async function stoppingAllOnFailure<T>(owners: readonly Stoppable[], start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    await stopAll(owners);
    throw error;
  }
}

/** Either of the two may be the replica one day, and then signs in to the other. */
function replicationArgs({ password, user }: SentinelOptions): readonly string[] {
  return [
    ...(password === undefined ? [] : ["--masterauth", password]),
    ...(user === undefined ? [] : ["--masteruser", user]),
    "--repl-diskless-sync-delay",
    "0",
  ];
}

async function hasReplica(master: TestServer): Promise<boolean> {
  const [info] = await askRedis(master.url, ["INFO", "replication"]);
  return /slave0:.*state=online/.test(String(info));
}

interface Peer {
  readonly id: string;
  readonly port: number;
}

async function newPeers(count: number): Promise<readonly Peer[]> {
  const peers: Peer[] = [];
  while (peers.length < count) {
    const port = await freePort();
    if (peers.every((peer) => peer.port !== port)) peers.push({ id: randomBytes(20).toString("hex"), port });
  }
  return peers;
}

interface Watched {
  readonly peers: readonly Peer[];
  readonly master: TestServer;
  readonly replica: TestServer;
  readonly account: SentinelOptions;
  readonly sentinelPassword: string | undefined;
}

interface RunningSentinel extends Sentinel, Stoppable {
  readonly url: string;
  isRunning(): boolean;
}

/** All that sentinels would find out about each other within seconds is told to them at the start. */
function sentinelConfig(own: Peer, { peers, master, replica, account, sentinelPassword }: Watched): string {
  const lines = [
    `bind ${host}`,
    `port ${own.port}`,
    `sentinel myid ${own.id}`,
    `sentinel monitor ${masterName} ${host} ${master.port} 2`,
    // One of the three suspects nothing when the others do, and so is free to vote: votes never split three ways.
    `sentinel down-after-milliseconds ${masterName} ${own === peers[0] ? 900 : 500}`,
    `sentinel failover-timeout ${masterName} 3000`,
    `sentinel known-replica ${masterName} ${host} ${replica.port}`,
    ...peers
      .filter((peer) => peer !== own)
      .map((peer) => `sentinel known-sentinel ${masterName} ${host} ${peer.port} ${peer.id}`),
  ];
  if (account.password !== undefined) lines.push(`sentinel auth-pass ${masterName} "${account.password}"`);
  if (account.user !== undefined) lines.push(`sentinel auth-user ${masterName} ${account.user}`);
  if (sentinelPassword !== undefined)
    lines.push(`requirepass "${sentinelPassword}"`, `sentinel sentinel-pass "${sentinelPassword}"`);
  return `${lines.join("\n")}\n`;
}

async function startSentinel(own: Peer, watched: Watched): Promise<RunningSentinel> {
  const found = installed("redis");
  if ("unavailable" in found) throw new Error(`there are no sentinels to start: ${found.unavailable}`);
  const folder = temporaryFolder("sentinel");
  const config = join(folder.path, "sentinel.conf");
  writeFileSync(config, sentinelConfig(own, watched));
  const running = startProcess({
    file: found.program,
    args: [config, "--sentinel"],
    options: { cwd: folder.path },
  });
  const { sentinelPassword } = watched;
  const secret = sentinelPassword === undefined ? "" : `:${encodeURIComponent(sentinelPassword)}@`;
  const sentinel: RunningSentinel = {
    host,
    port: own.port,
    url: `redis://${secret}${host}:${own.port}`,
    isRunning: () => !running.hasEnded(),
    kill: running.killAll,
    async stop() {
      await running.killAll();
      folder.remove();
    },
  };
  return stoppingAllOnFailure([sentinel], async () => {
    await eventually(async () => {
      if (running.hasEnded()) throw new Error(running.log());
      await askRedis(sentinel.url, ["SENTINEL", "DEBUG", ...sentinelPeriods]);
      return true;
    }, "a sentinel to answer");
    return sentinel;
  });
}

/**
 * Milliseconds between a sentinel's own steps; its own values are 1,000 and more. In an outage it asks the replica each
 * 1,000 ms whatever is set, and takes no answer that is older than five `ping-period`s: less than 200 fails by chance.
 */
const sentinelPeriods = [
  "ping-period",
  "300",
  "ask-period",
  "100",
  "info-period",
  "200",
  "publish-period",
  "200",
];

/** Whether it could act on an outage now: it reaches the other sentinels, and the replica, which follows the master. */
async function isWatching({ url }: RunningSentinel): Promise<boolean> {
  const [replicas, quorum] = await askRedis(
    url,
    ["SENTINEL", "REPLICAS", masterName],
    ["SENTINEL", "CKQUORUM", masterName],
  );
  const [replica] = replicas as readonly Readonly<Record<string, string>>[]; // maps, as Redis documents it
  return (
    String(quorum).startsWith("OK 3 usable") &&
    replica?.["flags"] === "slave" &&
    replica["master-link-status"] === "ok"
  );
}

async function masterPort({ url }: RunningSentinel): Promise<number> {
  const [address] = await askRedis(url, ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName]);
  return Number((address as readonly string[])[1]); // host and port, as Redis documents it
}

export interface ServerCluster {
  /** Three masters, which own the slots in thirds. */
  readonly nodes: readonly TestServer[];
  stop(): Promise<void>;
}

const slots = 16_384;

/** Three masters of Redis 8, all slots assigned; resolves when each of them says that the cluster is up. */
export async function startCluster(
  options: Pick<ServerOptions, "password" | "user" | "tls"> = {},
): Promise<ServerCluster> {
  const nodes: TestServer[] = [];
  return stoppingAllOnFailure(nodes, async () => {
    const buses: number[] = [];
    for (let index = 0; index < 3; index++) {
      const bus = await freePort();
      buses.push(bus);
      const args = [...clusterArgs(bus), ...(options.tls ? ["--tls-cluster", "yes"] : [])];
      nodes.push(await startServer("redis", { ...options, args }));
    }
    await Promise.all(nodes.map((node, index) => joinCluster(node, index, nodes, buses)));
    await eventually(async () => (await Promise.all(nodes.map(isClusterUp))).every(Boolean), "the cluster");
    return { nodes, stop: () => stopAll(nodes) };
  });
}

function clusterArgs(bus: number): readonly string[] {
  return ["--cluster-enabled", "yes", "--cluster-port", String(bus), "--cluster-node-timeout", "2000"];
}

async function joinCluster(
  node: TestServer,
  index: number,
  nodes: readonly TestServer[],
  buses: readonly number[],
): Promise<void> {
  const first = Math.floor((index * slots) / nodes.length);
  const last = Math.floor(((index + 1) * slots) / nodes.length) - 1;
  const commands = [
    ["CLUSTER", "ADDSLOTSRANGE", String(first), String(last)],
    ["CLUSTER", "SET-CONFIG-EPOCH", String(index + 1)],
  ];
  const [other, bus] = [nodes[0], buses[0]];
  if (index > 0 && other && bus !== undefined)
    commands.push(["CLUSTER", "MEET", host, String(other.port), String(bus)]);
  await askRedis(node.url, ...commands);
}

async function isClusterUp(node: TestServer): Promise<boolean> {
  const [info] = await askRedis(node.url, ["CLUSTER", "INFO"]);
  return ["cluster_state:ok", `cluster_slots_ok:${slots}`, "cluster_known_nodes:3"].every((fact) =>
    String(info).includes(fact),
  );
}
