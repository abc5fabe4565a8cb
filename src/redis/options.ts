/** A block `redis`: one server, a sentinel set, a cluster, or a proxy in front of them. */
import { z } from "zod";
import { secret, shorthand } from "../util/field-notes.ts";
import { allOrNone, type OptionFault } from "../util/option-rules.ts";

const largest = 2147483646;
const timeoutMs = (description: string) =>
  z
    .int()
    .min(0)
    .max(largest)
    .default(2000)
    .describe(`${description}, in milliseconds. 0 is nginx's default, 60000.`);
const port = () => z.int().min(0).max(65535).default(6379).describe("Port of the server.");
const text = (description: string) => z.string().describe(description).optional();
const credential = (description: string) => z.string().describe(description).meta(secret).optional();

const cloudAuthentication = z.strictObject({
  auth_provider: z
    .enum(["aws", "azure", "gcp"])
    .describe("Cloud whose identity opens the server.")
    .optional(),
  aws_cache_name: text("Name of the ElastiCache cluster."),
  aws_region: text("Region of the ElastiCache cluster."),
  aws_is_serverless: z.boolean().default(true).describe("The ElastiCache cluster is serverless."),
  aws_access_key_id: credential("Access key that signs the token."),
  aws_secret_access_key: credential("Secret of the access key."),
  aws_assume_role_arn: credential("Role to assume before the token is made."),
  aws_role_session_name: credential("Name of the assumed role's session."),
  azure_client_id: credential("Client to sign in as."),
  azure_client_secret: credential("Secret of that client."),
  azure_tenant_id: credential("Tenant of that client."),
  gcp_service_account_json: credential("The service account's JSON."),
});

export const redisFields = z.strictObject({
  host: z.string().default("127.0.0.1").describe("Host of the server, or of the proxy in front of it."),
  port: port(),
  username: text("Name to sign in with (Redis 6 and newer)."),
  password: credential("Password to sign in with; without it nobody signs in."),
  database: z
    .int()
    .default(0)
    .describe(
      "Number of the database. A cluster and a proxy only know 0, and the query engine searches no other.",
    ),
  connect_timeout: timeoutMs("Longest wait for a connection, TLS and signing in included"),
  send_timeout: timeoutMs("What sending a command may take of the wait for its reply"),
  read_timeout: timeoutMs(
    "Longest wait for a reply, besides what sending may take; all three together bound a call",
  ),
  keepalive_pool_size: z
    .int()
    .min(1)
    .max(largest)
    .default(256)
    .describe(
      "Most calls under way at once, as far as `keepalive_backlog` is set. One connection carries them all, so that " +
        "none are pooled.",
    ),
  keepalive_backlog: z
    .int()
    .min(0)
    .max(largest)
    .describe("Calls beyond `keepalive_pool_size` that may be under way; more are refused at once.")
    .optional(),
  ssl: z.boolean().default(false).describe("Encrypt the connection."),
  ssl_verify: z
    .boolean()
    .default(true)
    .describe(
      "Check the server's certificate, with the authorities that Node.js knows and those in the file that the " +
        "environment's NODE_EXTRA_CA_CERTS names.",
    ),
  server_name: text("Name to ask for in TLS (SNI) and to expect in the certificate; else `host`."),
  sentinel_master: text("Name of the master the sentinels watch."),
  sentinel_role: z
    .enum(["master", "slave", "any"])
    .describe("Which server is wanted. We write, so that it is the master that is used in any case.")
    .optional(),
  sentinel_nodes: z
    .array(
      z.strictObject({
        host: z.string().default("127.0.0.1").describe("Host of the sentinel."),
        port: port(),
      }),
    )
    .min(1)
    .describe("The sentinels.")
    .optional(),
  sentinel_username: text("Name to sign in to the sentinels with."),
  sentinel_password: credential("Password to sign in to the sentinels with."),
  cluster_nodes: z
    .array(
      z.strictObject({ ip: z.string().default("127.0.0.1").describe("Host of the node."), port: port() }),
    )
    .min(1)
    .describe("Nodes of the cluster; setting them means that it is one.")
    .optional(),
  cluster_max_redirections: z.int().default(5).describe("Most redirections one call follows."),
  connection_is_proxied: z
    .boolean()
    .default(false)
    .describe("`host` and `port` are those of a proxy: no command without a key is sent."),
  cloud_authentication: cloudAuthentication
    .describe("Signing in with a cloud's identity: not supported yet, and refused.")
    .optional(),
  timeout: z
    .int()
    .min(0)
    .max(largest)
    .describe(
      "Use `connect_timeout`, `send_timeout` and `read_timeout`; this sets all three that are not set.",
    )
    .meta(shorthand(["connect_timeout", "send_timeout", "read_timeout"]))
    .optional(),
  sentinel_addresses: z
    .array(z.string().regex(/^.+:\d{1,5}$/, "must be host:port"))
    .min(1)
    .describe("Use `sentinel_nodes`; these are the same as `host:port`.")
    .meta(shorthand(["sentinel_nodes"]))
    .optional(),
  cluster_addresses: z
    .array(z.string().regex(/^.+:\d{1,5}$/, "must be host:port"))
    .min(1)
    .describe("Use `cluster_nodes`; these are the same as `host:port`.")
    .meta(shorthand(["cluster_nodes"]))
    .optional(),
});

/** The block with nothing but the connection in it. */
export const redisOptions = z.preprocess(spellOut, redisFields);

export type RedisOptions = z.output<typeof redisFields>;

/** Faults of the block; paths are relative to the block around it. */
export function checkRedis(redis: RedisOptions | undefined): readonly OptionFault[] {
  if (redis === undefined) return [];
  const at = ["redis"];
  const faults = [...allOrNone(redis, ["sentinel_master", "sentinel_role", "sentinel_nodes"], at)];
  if (redis.cloud_authentication?.auth_provider !== undefined) {
    faults.push({
      path: [...at, "cloud_authentication"],
      message:
        "is not supported yet: use username and password, with a user of the server's own access lists",
    });
  }
  if (redis.connection_is_proxied) faults.push(...checkProxied(redis));
  if (redis.cluster_nodes !== undefined && redis.sentinel_nodes !== undefined) {
    faults.push({
      path: [...at, "cluster_nodes"],
      message: "a cluster has no sentinels: set cluster_nodes or sentinel_nodes",
    });
  }
  if (redis.cluster_nodes !== undefined && redis.database !== 0) {
    faults.push({
      path: [...at, "database"],
      message: "must be 0 for a cluster, which has no other database",
    });
  }
  return faults;
}

function checkProxied(redis: RedisOptions): readonly OptionFault[] {
  const refused: string[] = [];
  if (redis.database !== 0) refused.push("database");
  if (redis.cluster_nodes !== undefined) refused.push("cluster_nodes");
  if (redis.sentinel_nodes !== undefined) refused.push("sentinel_nodes");
  return refused.map((field) => ({
    path: ["redis", field],
    message: `cannot be set together with connection_is_proxied: the proxy alone knows what is behind it`,
  }));
}

/** Shorthands of older versions are spelled out before validation, so that readers know the new fields only. */
export function spellOut(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const block: Record<string, unknown> = { ...value };
  for (const field of ["connect_timeout", "send_timeout", "read_timeout"]) block[field] ??= block["timeout"];
  block["sentinel_nodes"] ??= nodes(block["sentinel_addresses"], "host");
  block["cluster_nodes"] ??= nodes(block["cluster_addresses"], "ip");
  return block;
}

/** Leaves anything that is not a list of addresses to the schema's own messages. */
function nodes(addresses: unknown, hostField: string): unknown {
  if (!Array.isArray(addresses)) return undefined;
  return addresses.map((address) => {
    const text = String(address);
    const colon = text.lastIndexOf(":");
    return { [hostField]: text.slice(0, Math.max(colon, 0)), port: Number(text.slice(colon + 1)) || 0 };
  });
}
