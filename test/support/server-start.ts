/** A real server of a test's own: what can be done to it is what happens to servers in production. */
import { join } from "node:path";
import { emptyServer, prepareServer, type ServerSettings, urlOf } from "../servers/commands.mjs";
import { type Installed, installed, type ServerName } from "../servers/installed.mjs";
import { freePort } from "./free-port.ts";
import { askPostgres, askRedis, type ServerAccess } from "./server-clients.ts";
import {
  runFolderVariable,
  type ServerProcess,
  startProcess,
  type TemporaryFolder,
  temporaryFolder,
} from "./server-process.ts";
import { type Environment, externalUrl } from "./server-tests.ts";

const startTimeoutMs = 20_000;

export interface ServerOptions extends ServerSettings {
  /** A free one, unless given. */
  readonly port?: number;
}

export interface TestServer {
  readonly name: ServerName;
  /** 127.0.0.1, unless the server is an external one. */
  readonly host: string;
  readonly port: number;
  /** With account and password: `redis://:password@127.0.0.1:port`, `postgres://postgres@127.0.0.1:port/kong-pgvector`. */
  readonly url: string;
  /** As the server tells it. */
  readonly version: string;
  /** False for a server from the environment, which can only be talked to: the rest below throws. */
  readonly isOwned: boolean;
  /** Ends it, and all its processes, at once (SIGKILL). Resolves when it is gone. What it had answered is on disk. */
  kill(): Promise<void>;
  /** Ends it politely: it says goodbye to its clients. */
  shutDown(): Promise<void>;
  /** Stops all its processes where they are (SIGSTOP): the kernel still takes connections, nothing is answered. */
  freeze(): void;
  /** Lets it go on after `freeze`. */
  thaw(): void;
  /**
   * Ends it if it runs, and starts it on the same port, with the data it had, or `empty`: as new, without even knowing
   * a cluster it was in. Resolves when it answers.
   */
  restart(options?: { readonly empty?: boolean }): Promise<void>;
  /** Ends it and removes its folder. Safe to call twice. */
  stop(): Promise<void>;
  /** The last of what it wrote. */
  log(): string;
}

/**
 * Starts a server and resolves when it answers. PostgreSQL has the database `kong-pgvector` and the user `postgres`; the
 * extension is not created in it. Where the server is not installed, the one of the environment is taken
 * (`SLUICE_TEST_REDIS_URL` …), if the options ask for nothing of its own.
 */
export async function startServer(
  name: ServerName,
  options: ServerOptions = {},
  env: Environment = process.env,
): Promise<TestServer> {
  const found = installed(name, env);
  if (!("unavailable" in found)) return startOwned(name, found, options);
  const url = externalUrl(name, env);
  if (url !== undefined && Object.values(options).every((value) => value === undefined))
    return useExternal(name, url);
  throw new Error(`there is no ${name} to start: ${found.unavailable}`);
}

/** Its parts as they change over restarts. */
interface Owned {
  readonly settings: ServerSettings & {
    name: ServerName;
    installed: Installed;
    folder: string;
    port: number;
  };
  readonly access: ServerAccess;
  readonly folder: TemporaryFolder;
  process: ServerProcess;
}

async function startOwned(name: ServerName, found: Installed, options: ServerOptions): Promise<TestServer> {
  for (let attempt = 1; ; attempt++) {
    const folder = temporaryFolder(name);
    const port = options.port ?? (await freePort());
    const settings = { ...options, name, installed: found, folder: folder.path, port };
    const access = { ...options, url: urlOf(settings) };
    let running: ServerProcess | undefined;
    try {
      running = await launch(settings, access);
      return controls({ settings, access, folder, process: running }, await versionOf(name, access));
    } catch (error) {
      await running?.killAll();
      folder.remove();
      // Someone else took the port between our look and the server's.
      const isTaken = /address already in use/i.test(String(error));
      if (!isTaken || options.port !== undefined || attempt === 5) throw error;
    }
  }
}

async function launch(settings: Owned["settings"], access: ServerAccess): Promise<ServerProcess> {
  const running = startProcess(await prepareServer({ ...settings, ...template() }));
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    const error = await failureToAnswer(settings, access, running);
    if (running.hasEnded()) throw new Error(`${settings.name} ended at once:\n${running.log()}`);
    if (error === undefined) return running;
    if (performance.now() > deadline) {
      await running.killAll();
      throw new Error(`${settings.name} did not answer in ${startTimeoutMs} ms: ${error}\n${running.log()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** In the folder of the test run, which all of its servers begin with. */
function template(): { readonly template?: string } {
  const folder = process.env[runFolderVariable];
  return folder === undefined ? {} : { template: join(folder, "postgres-template") };
}

/** Undefined when it answers, and not another server that has the port. */
async function failureToAnswer(
  { name, folder }: Owned["settings"],
  access: ServerAccess,
  running: ServerProcess,
): Promise<unknown> {
  const patient = { ...access, timeoutMs: 1000 };
  try {
    if (name === "postgres") {
      const [row] = await askPostgres(patient, "show data_directory");
      return row?.["data_directory"] === join(folder, "data") ? undefined : "another server has the port";
    }
    const [, info] = await askRedis(patient, ["PING"], ["INFO", "server"]);
    return String(info).includes(`process_id:${running.pid}\r\n`) ? undefined : "another server has the port";
  } catch (error) {
    return error;
  }
}

async function versionOf(name: ServerName, access: ServerAccess): Promise<string> {
  if (name === "postgres") {
    const [row] = await askPostgres(access, "show server_version");
    return String(row?.["server_version"]).replace(/ .*/, "");
  }
  const [info] = await askRedis(access.url, ["INFO", "server"]);
  const field = name === "valkey" ? "valkey_version" : "redis_version";
  return new RegExp(`${field}:(\\S+)`).exec(String(info))?.[1] ?? "unknown";
}

function controls(owned: Owned, version: string): TestServer {
  const { settings, access } = owned;
  const kill = () => owned.process.killAll();
  return {
    name: settings.name,
    host: "127.0.0.1",
    port: settings.port,
    url: access.url,
    version,
    isOwned: true,
    kill,
    async shutDown() {
      // PostgreSQL would wait for its clients at SIGTERM.
      owned.process.signal(settings.name === "postgres" ? "SIGINT" : "SIGTERM");
      await owned.process.ended;
    },
    freeze: () => owned.process.signalAll("SIGSTOP"),
    thaw: () => owned.process.signalAll("SIGCONT"),
    async restart({ empty = false } = {}) {
      await kill();
      if (empty) emptyServer(settings);
      owned.process = await launch(settings, access);
    },
    async stop() {
      await kill();
      owned.folder.remove();
    },
    log: () => owned.process.log(),
  };
}

async function useExternal(name: ServerName, url: string): Promise<TestServer> {
  const refuse = (): never => {
    throw new Error(`this ${name} is not ours to stop: describe the test with { owned: true }`);
  };
  const { hostname, port } = new URL(url);
  return {
    name,
    host: hostname,
    port: Number(port || (name === "postgres" ? 5432 : 6379)),
    url,
    version: await versionOf(name, { url }),
    isOwned: false,
    kill: refuse,
    shutDown: refuse,
    freeze: refuse,
    thaw: refuse,
    restart: refuse,
    stop: async () => undefined,
    log: () => "",
  };
}
