/**
 * Real servers for tests: each on a free port of 127.0.0.1, in a folder of its own, gone when its test is.
 * The one file to import from; `test/servers/README.md` says where the servers come from.
 */
export { certificates, database } from "../servers/commands.mjs";
export type { ServerName } from "../servers/installed.mjs";
export { askPostgres, askRedis } from "./server-clients.ts";
export {
  type Sentinel,
  type SentinelOptions,
  type ServerCluster,
  type ServerSentinels,
  startCluster,
  startSentinels,
} from "./server-groups.ts";
export { type BlackHole, startBlackHole, startProxy, type TcpProxy } from "./server-proxies.ts";
export { type ServerOptions, startServer, type TestServer } from "./server-start.ts";
export { describeWithServer, type ServerTestOptions } from "./server-tests.ts";
