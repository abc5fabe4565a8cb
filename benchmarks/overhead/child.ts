/** Starts the processes of a benchmark on their cores, and ends them. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface ChildOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Cores it may use; undefined: any. */
  readonly cores: readonly number[] | undefined;
  /** Where it will listen. */
  readonly port: number;
  /** File for its standard output; appended to. */
  readonly output: string;
  /** File for its error stream; shown when it does not start. */
  readonly errors: string;
  readonly cwd?: string;
}

export interface Child {
  readonly pid: number;
  /** Asks it to end, insists after 5 s. */
  stop(): Promise<void>;
}

const startLimitMs = 30_000;
const stopLimitMs = 5_000;

/** Resolves when it accepts connections. Rejects with the end of its log when it ends before, or takes over 30 s. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const output = openSync(options.output, "a");
  const errors = openSync(options.errors, "a");
  const process = spawnPinned(options, output, errors);
  closeSync(output);
  closeSync(errors);
  let exit: string | undefined;
  const ended = new Promise<void>((resolve) => {
    process.once("error", (error) => {
      exit = error.message;
      resolve();
    });
    process.once("exit", (code, signal) => {
      exit = `ended with ${code ?? signal}`;
      resolve();
    });
  });
  const stop = async () => {
    if (exit !== undefined) return;
    process.kill("SIGTERM");
    const force = setTimeout(() => process.kill("SIGKILL"), stopLimitMs);
    await ended;
    clearTimeout(force);
  };
  const deadline = performance.now() + startLimitMs;
  while (!(await accepts(options.port))) {
    if (exit === undefined && performance.now() < deadline) {
      await sleep(50);
      continue;
    }
    await stop();
    const log = readFileSync(options.errors, "utf8").slice(-2000);
    throw new Error(`${options.name} did not start (${exit ?? "timeout"}); the end of its log:\n${log}`);
  }
  if (process.pid === undefined) throw new Error(`${options.name} has no process id`);
  return { pid: process.pid, stop };
}

function spawnPinned(
  { command, args, cores, cwd }: ChildOptions,
  output: number,
  errors: number,
): ChildProcess {
  const stdio: ["ignore", number, number] = ["ignore", output, errors];
  const options = { stdio, ...(cwd !== undefined && { cwd }) };
  if (cores === undefined) return spawn(command, args, options);
  return spawn("taskset", ["-c", cores.join(","), command, ...args], options);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
