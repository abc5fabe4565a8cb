/** One server process of a test's own: started, frozen, killed, and never left behind. */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endingWithUs, type ServerCommand } from "../servers/commands.mjs";
import { eventually } from "./server-clients.ts";

/** Names a folder that is removed after all tests: a test worker may be killed before it cleans up. */
export const runFolderVariable = "SLUICE_TEST_RUN_FOLDER";

const keptLogLength = 16_384;

export interface ServerProcess {
  /** 0 when it could not be started. */
  readonly pid: number;
  /** The last of what it wrote. */
  log(): string;
  hasEnded(): boolean;
  /** Resolves when it is gone. */
  readonly ended: Promise<void>;
  /** Sends a signal to it alone. */
  signal(signal: NodeJS.Signals): void;
  /** Sends a signal to it and to all that it has started. */
  signalAll(signal: NodeJS.Signals): void;
  /** SIGKILL to all; resolves when none of them is left. */
  killAll(): Promise<void>;
}

/** Starts a server that ends with this process: by the kernel where it can, else unless this process is killed itself. */
export function startProcess(command: ServerCommand): ServerProcess {
  const { file, args, options } = endingWithUs(command);
  const child = spawn(file, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  const keep = (bytes: Buffer) => {
    log = (log + bytes).slice(-keptLogLength);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const pid = child.pid ?? 0;
  // The parent first: stopped or dead, it starts no more.
  const family = () => (isOver || pid === 0 ? [] : [pid, ...descendantsOf(pid)]);
  const endWithUs = () => trySignals(family(), "SIGKILL");
  // Before its folder is removed.
  process.prependListener("exit", endWithUs);
  let isOver = false;
  const ended = new Promise<void>((resolve) => {
    const over = (error?: Error) => {
      if (error) log += `${file} could not be started: ${error.message}`;
      isOver = true;
      process.removeListener("exit", endWithUs);
      resolve();
    };
    child.once("error", over);
    // Not "exit": what it wrote last is still to be read.
    child.once("close", () => over());
  });
  return {
    pid,
    ended,
    log: () => log,
    hasEnded: () => isOver,
    signal: (signal) => void child.kill(signal),
    signalAll: (signal) => trySignals(family(), signal),
    async killAll() {
      const all = family();
      trySignals(all, "SIGKILL");
      await ended;
      // Until its last child is gone PostgreSQL does not start anew on its data.
      await eventually(async () => !all.some(isAlive), "the killed processes to go");
    },
  };
}

function trySignals(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      // It may have ended meanwhile.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

/** PostgreSQL's children are in process groups of their own; only their parent says whose they are. */
function descendantsOf(pid: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const parent = statOf(Number(name))?.parent;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const descend = (each: number): number[] =>
    (children.get(each) ?? []).flatMap((child) => [child, ...descend(child)]);
  return descend(pid);
}

/** A dead process that nobody has asked after yet (a zombie) is not alive. */
function isAlive(pid: number): boolean {
  const state = statOf(pid)?.state;
  return state !== undefined && state !== "Z" && state !== "X";
}

function statOf(pid: number): { readonly state: string | undefined; readonly parent: number } | undefined {
  try {
    // After the name, which is in parentheses and may hold anything: state, parent (proc_pid_stat(5)).
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state, parent] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state, parent: Number(parent) };
  } catch {
    return undefined; // ended meanwhile
  }
}

export interface TemporaryFolder {
  readonly path: string;
  remove(): void;
}

/** A new folder; removed with this process, or at the end of the test run, at the latest. */
export function temporaryFolder(name: string): TemporaryFolder {
  const path = mkdtempSync(join(process.env[runFolderVariable] ?? tmpdir(), `sluice-${name}-`));
  const remove = () => {
    process.removeListener("exit", remove);
    // Again where a server that is being killed still writes.
    rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  };
  process.on("exit", remove);
  return { path, remove };
}
