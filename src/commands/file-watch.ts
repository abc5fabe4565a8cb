/** Notices that a file has changed, however that was done: written over, renamed into its place, or behind a link. */
import { statSync } from "node:fs";
import type { Schedule } from "../util/schedule.ts";

/** Asking is what works everywhere: events of a file are lost when another takes its place, as editors and Kubernetes do it. */
const pollMs = 500;

/** Calls `onChange` when it has changed and then stayed as it is for a moment, so that half a file is not read. */
export function watchFile(path: string, schedule: Schedule, onChange: () => void): () => void {
  let known = stateOf(path);
  let seen = known;
  let cancel = schedule(pollMs, look);

  function look(): void {
    const now = stateOf(path);
    if (now !== undefined && now === seen && now !== known) {
      known = now;
      onChange();
    }
    seen = now;
    cancel = schedule(pollMs, look);
  }

  return () => cancel();
}

function stateOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found && `${found.dev}:${found.ino}:${found.size}:${found.mtimeNs}`;
}
