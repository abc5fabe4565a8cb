/** What `sluice start` runs, with or without workers, and what both ways have in common. */
import type { ReloadResult } from "../admin/reload.ts";
import { formatProblem } from "../config/problem.ts";
import type { Logger } from "../telemetry/logger.ts";
import { createJsonSink, createPrettySink, type Sink } from "../telemetry/sinks.ts";
import type { ConfigFile } from "./config-file.ts";
import { ConfigFileError } from "./config-file-error.ts";
import type { ProcessSettings } from "./settings.ts";
import type { Terminal } from "./terminal.ts";

/** What the command line says about what is to run. */
export interface StartOptions {
  /** The config file. */
  readonly path: string | undefined;
  readonly isWatched: boolean;
  readonly isDbLess: boolean;
  readonly settings: ProcessSettings;
  readonly terminal: Terminal;
}

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

/** Has `take` put what `read` gives in place of the running one; what either throws is the result's reason. */
export async function reloadWith(
  path: string,
  log: Logger,
  read: () => ConfigFile,
  take: (file: ConfigFile) => Promise<void>,
): Promise<ReloadResult> {
  try {
    const file = read();
    await take(file);
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
