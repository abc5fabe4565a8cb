/** What the machine is, and what it was doing while something was measured. Complete on Linux; elsewhere without `/proc`. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";

/** One line for a report. */
export function describeMachine(): string {
  const all = cpus();
  const cores = `${all.length} ${all.length === 1 ? "core" : "cores"} of ${all[0]?.model ?? "an unknown processor"}`;
  return `${cores}, ${process.platform} ${process.arch}, Node ${process.versions.node}`;
}

/** Cores this process may run on, lowest first; undefined where that cannot be known. */
export function allowedCores(): readonly number[] | undefined {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readIfThere("/proc/self/status") ?? "")?.[1];
  return list?.split(",").flatMap((range) => {
    const [first, last = first] = range.split("-").map(Number);
    return first === undefined || last === undefined
      ? []
      : Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** Where the measured side runs, and where what measures it does; undefined when the machine does not offer it. */
export interface Pinning {
  readonly proxyCore: number;
  readonly loadCores: readonly number[];
}

/** The first core for the proxy, all others for the load; needs two cores and `taskset`. */
export function choosePinning(): Pinning | undefined {
  const [proxyCore, ...loadCores] = allowedCores() ?? [];
  if (proxyCore === undefined || loadCores.length === 0 || !isOnPath("taskset")) return undefined;
  return { proxyCore, loadCores };
}

/** Keeps this process, all its threads included, on some cores. */
export function pinSelf(cores: readonly number[]): void {
  execFileSync("taskset", ["-a", "-c", "-p", cores.join(","), String(process.pid)], { stdio: "ignore" });
}

export function isOnPath(command: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${command}`], { stdio: "ignore" });
    return true;
  } catch {
    return false; // the shell's answer, not a failure
  }
}

/** `/proc` counts CPU time in ticks of 1/100 s on every Linux that Node supports (USER_HZ). */
const microsecondsPerTick = 10_000;

/** CPU time that processes have used, all threads, user and system, in microseconds; undefined without `/proc`. */
export function cpuMicros(pids: readonly number[]): number | undefined {
  let ticks = 0;
  for (const pid of pids) {
    const fields = statFields(pid);
    if (fields === undefined) return undefined;
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * microsecondsPerTick;
}

/** A process and everything it has started. */
export function processTree(pid: number): readonly number[] {
  const all = (readIfThere("/proc/self/stat") === undefined ? [] : readdirSync("/proc")).filter((name) =>
    /^\d+$/.test(name),
  );
  const parents = new Map(all.map((name) => [Number(name), Number(statFields(Number(name))?.[1])]));
  const tree = [pid];
  for (const member of tree) {
    for (const [child, parent] of parents) if (parent === member) tree.push(child);
  }
  return tree;
}

/** Fields of `/proc/PID/stat` from the third on: what stands before may hold spaces (proc(5)). */
function statFields(pid: number): readonly string[] | undefined {
  const text = readIfThere(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** Microseconds since boot, over all cores. */
export interface MachineTime {
  readonly busy: number;
  /** Taken by other guests of the host. */
  readonly stolen: number;
  readonly total: number;
}

export function machineTime(): MachineTime | undefined {
  const line = /^cpu +(.+)$/m.exec(readIfThere("/proc/stat") ?? "")?.[1];
  if (line === undefined) return undefined;
  const [user = 0, nice = 0, system = 0, idle = 0, waiting = 0, irq = 0, softIrq = 0, steal = 0] = line
    .split(" ")
    .map(Number);
  const busy = user + nice + system + irq + softIrq;
  const total = busy + idle + waiting + steal;
  return {
    busy: busy * microsecondsPerTick,
    stolen: steal * microsecondsPerTick,
    total: total * microsecondsPerTick,
  };
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // no such process any more, or no such file on this system
  }
}
