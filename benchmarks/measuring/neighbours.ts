/** How much of the machine was in other hands while something was measured. */
import { cpuMicros, machineTime, processTree } from "../machine.ts";

/** Returns what tells the share (0…1) since now; undefined where `/proc` does not say. */
export function watchNeighbours(): () => number | undefined {
  const before = clocks();
  return () => foreignShare(before, clocks());
}

/** Microseconds of CPU. */
export interface Clocks {
  /** Of this process and all it has started. */
  readonly own: number | undefined;
  readonly machine: ReturnType<typeof machineTime>;
}

function clocks(): Clocks {
  return { own: cpuOf(processTree(process.pid)), machine: machineTime() };
}

/** One that has ended since it was seen counts for nothing, and makes the neighbours look a little busier. */
function cpuOf(pids: readonly number[]): number | undefined {
  const known = pids.map((pid) => cpuMicros([pid])).filter((micros) => micros !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, micros) => sum + micros);
}

/** The share of the machine that neither idled nor worked for us: other programs, and time stolen by the host. */
export function foreignShare(before: Clocks, after: Clocks): number | undefined {
  if (before.machine === undefined || after.machine === undefined) return undefined;
  if (before.own === undefined || after.own === undefined) return undefined;
  const busy = after.machine.busy - before.machine.busy;
  const stolen = after.machine.stolen - before.machine.stolen;
  const foreign = Math.max(0, busy + stolen - (after.own - before.own));
  return foreign / (after.machine.total - before.machine.total);
}
