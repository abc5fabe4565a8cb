/** The real command, `node bin/sluice …`, in processes of its own. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { until } from "./gateway.ts";
import type { ConfigObject } from "./gateway-config.ts";
import { temporaryFolder } from "./server-process.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

export interface Command {
  /** Where `bin/sluice` is. */
  readonly path: string;
}

let built: { readonly of: number; readonly command: Promise<Command> } | undefined;

/**
 * The command as `npm ci` built it; where the sources are younger it is built anew, once by each process that tests, in a
 * temporary folder.
 */
export function buildCommand(): Promise<Command> {
  const changed = newest(join(root, "src"));
  if (built?.of !== changed) built = { of: changed, command: build(changed) };
  return built.command;
}

async function build(changed: number): Promise<Command> {
  const main = join(root, "dist", "cli.js");
  if (existsSync(main) && statSync(main).mtimeMs > changed) return { path: join(root, "bin", "sluice") };
  const { path: folder } = temporaryFolder("build");
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const args = [compiler, "-p", join(root, "tsconfig.build.json"), "--outDir", join(folder, "dist")];
  await promisify(execFile)(process.execPath, args).catch((error: { stdout?: string }) => {
    throw new Error(`the sources do not compile:\n${error.stdout}`, { cause: error });
  });
  cpSync(join(root, "bin"), join(folder, "bin"), { recursive: true });
  cpSync(join(root, "package.json"), join(folder, "package.json"));
  for (const name of ["examples", "models", "node_modules", "prices"])
    symlinkSync(join(root, name), join(folder, name));
  return { path: join(folder, "bin", "sluice") };
}

/** Time of the last change among the sources that are built. */
function newest(folder: string): number {
  let latest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) latest = Math.max(latest, newest(path));
    else if (entry.name.endsWith(".ts") && !entry.name.endsWith(".test.ts"))
      latest = Math.max(latest, statSync(path).mtimeMs);
  }
  return latest;
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs a command line to its end. */
export async function runCommandLine(
  command: Command,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  return new Running(spawnCommand(command, args, options)).finished;
}

export interface Addresses {
  readonly proxy: string;
  /** For clients that speak TLS. */
  readonly proxy_ssl?: string;
  readonly admin?: string;
  readonly status?: string;
}

export interface RunningGateway {
  readonly addresses: Addresses;
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Access records so far. */
  records(): readonly Record<string, unknown>[];
  signal(name: NodeJS.Signals): void;
  readonly finished: Promise<Finished>;
}

/** The gateway of a process that prints a ready line. */
export async function announced(running: Running): Promise<RunningGateway> {
  let isOver = false;
  void running.finished.then(() => {
    isOver = true;
  });
  await until(() => isOver || running.stdout.includes("\n"), "the ready line", 30_000);
  if (isOver) throw new Error(`the process ended at once: ${running.stdout}${running.stderr}`);
  const [first = ""] = running.stdout.split("\n");
  return {
    addresses: JSON.parse(first) as Addresses,
    child: running.child,
    stdout: () => running.stdout,
    stderr: () => running.stderr,
    records: () =>
      running.stdout
        .split("\n")
        .slice(1, -1)
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    signal: (name) => running.child.kill(name),
    finished: running.finished,
  };
}

/** A process and what it has said so far. */
export class Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  stdout = "";
  stderr = "";

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.finished = once(child, "close").then(([code]) => ({
      code: code as number | null, // as node's documentation says of "close"
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }
}

/** Only what is given is in the environment, so that the tester's own settings do not matter. */
export function spawnCommand(
  command: Command,
  args: readonly string[],
  { env = {}, cwd = tmpdir() }: RunOptions = {},
): ChildProcess {
  return spawn(process.execPath, [command.path, ...args], {
    cwd,
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** A folder with a config file, and the gateways that were started with it. */
export interface Workplace {
  readonly folder: string;
  readonly config: string;
  readonly prefix: string;
  write(content: ConfigObject | string): void;
  /** Starts `sluice start` on free ports; resolves with its ready line, rejects with what it said when it ends first. */
  start(args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<RunningGateway>;
  /** The same with no file but one that the arguments name. */
  startAs(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<RunningGateway>;
  /** Ends what still runs and removes the folder. */
  dispose(): Promise<void>;
}

const onAnyPort = ["proxy", "admin", "status"].flatMap((name) => [`--${name}-listen`, "127.0.0.1:0"]);

export function createWorkplace(command: Command): Workplace {
  const folder = mkdtempSync(join(tmpdir(), "sluice-life-"));
  const config = join(folder, "gateway.yaml");
  const prefix = join(folder, "run");
  const started: Running[] = [];
  const startAs: Workplace["startAs"] = (args, env = {}) => {
    const line = ["start", "--prefix", prefix, ...onAnyPort, ...args];
    const running = new Running(spawnCommand(command, line, { env, cwd: folder }));
    started.push(running);
    return announced(running);
  };
  return {
    folder,
    config,
    prefix,
    write: (content) =>
      writeFileSync(config, typeof content === "string" ? content : JSON.stringify(content)),
    start: (args = [], env = {}) => startAs(["-c", config, ...args], env),
    startAs,
    async dispose() {
      for (const { child } of started) child.kill("SIGKILL");
      await Promise.all(started.map(({ finished }) => finished));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
