/** What `sluice start` runs, with or without workers, and what both ways have in common. */
import type { ReloadResult } from "../admin/admin.ts";
import { formatProblem } from "../config/problem.ts";
import type { Logger } from "../telemetry/logger.ts";
import { createJsonSink, createPrettySink, type Sink } from "../telemetry/sinks.ts";
import { type ConfigFile, ConfigFileError, parseConfigFile, readConfigText } from "./config-file.ts";
import type { Terminal } from "./terminal.ts";

/** A gateway that serves, with its status and admin listeners. */
export interface GatewayProcess {
  readonly log: Logger;
  /** Resolves when it can serve no longer; the error says why. */
  readonly failed: Promise<Error>;
  /** Tells `sluice reload` and the output that it is ready; to be called once signals are heard. */
  announce(): void;
  /** Reads the file again. A bad one changes nothing; the result says why. */
  reload(): Promise<ReloadResult>;
  close(deadlineMs: number): Promise<void>;
  /** Ends at once what would outlive this process. */
  abandon(): void;
}

/** Reads the file and has `take` put it in place of the running one; what either throws is the result's reason. */
export async function reloadFrom(
  path: string,
  env: Terminal["env"],
  log: Logger,
  take: (file: ConfigFile, text: string) => Promise<void>,
): Promise<ReloadResult> {
  try {
    const text = readConfigText(path);
    const file = parseConfigFile(path, text, env);
    await take(file, text);
    reportProblems(file, log);
    const message = `${path}: reloaded, ${file.config.routes.length} routes`;
    log.info(message);
    return { ok: true, messages: [...file.problems.map(formatProblem), message] };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.error("reload refused, the old configuration goes on running", { reason });
    const messages = error instanceof ConfigFileError ? reason.split("\n") : [`${path}: ${reason}`];
    return { ok: false, messages: [...messages, "the old configuration goes on running"] };
  }
}

export function reportProblems(file: ConfigFile, log: Logger): void {
  for (const problem of file.problems) {
    if (problem.severity === "warning") log.warn(formatProblem(problem));
    else log.info(formatProblem(problem));
  }
}

/** Writes access records to the output. */
export function outputSink(isPretty: boolean, terminal: Terminal, log: Logger): Sink {
  const onDropped = (count: number) =>
    log.warn("access records were dropped: the output is not read fast enough", { count });
  return isPretty ? createPrettySink(terminal.lines, onDropped) : createJsonSink(terminal.lines, onDropped);
}
