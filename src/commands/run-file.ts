/** The file by which `sluice reload` and `sluice explain` find a running gateway. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "../telemetry/logger.ts";

export interface RunFile {
  readonly pid: number;
  /** Base URL of the admin listener; absent without one. */
  readonly admin?: string;
}

export function runFilePath(prefix: string): string {
  return join(prefix, "sluice.json");
}

/** Throws when no gateway runs with this prefix; `remedy` is what to do then. */
export function readRunFile(prefix: string, remedy = "give the gateway's --prefix"): RunFile {
  const path = runFilePath(prefix);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw new Error(`no gateway runs with this prefix: ${path} does not exist (${remedy})`);
  }
  return JSON.parse(text) as RunFile; // written by the gateway
}

/** A gateway that was killed leaves its run file behind. */
export function unreachable({ pid }: RunFile, prefix: string, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Error(
    `process ${pid} cannot be reached (${reason}): if it is gone, remove ${runFilePath(prefix)} and start the gateway again`,
    { cause },
  );
}

/** Returns what removes it again. Where it cannot be written that is logged, and the gateway runs without. */
export function writeRunFile(prefix: string, content: RunFile, log: Logger): () => void {
  const path = runFilePath(prefix);
  try {
    mkdirSync(prefix, { recursive: true });
    writeFileSync(path, `${JSON.stringify(content)}\n`);
    return () => rmSync(path, { force: true });
  } catch (error) {
    log.warn(
      "the run file could not be written; `sluice reload` and `sluice explain` will not find this process (SIGHUP still works)",
      { path, reason: String(error) },
    );
    return () => undefined;
  }
}
