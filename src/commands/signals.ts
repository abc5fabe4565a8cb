/** Unix signals: SIGTERM and SIGINT stop, SIGHUP reloads. */
import type { Logger } from "../telemetry/logger.ts";

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once, after `onAbandon`. */
export function waitForStop(options: {
  readonly onReload?: () => Promise<unknown>;
  readonly onAbandon?: () => void;
  readonly log: Logger;
}): Promise<undefined> {
  return new Promise((resolve) => {
    const onHangup = () => {
      options
        .onReload?.()
        .catch((error: unknown) => options.log.error("reload failed", { reason: String(error) }));
    };
    let isStopping = false;
    const onStop = (signal: NodeJS.Signals) => {
      if (isStopping) {
        options.log.warn("stopped at once", { signal });
        options.onAbandon?.();
        process.exit(1);
      }
      isStopping = true;
      process.off("SIGHUP", onHangup);
      resolve(undefined);
    };
    process.on("SIGTERM", onStop);
    process.on("SIGINT", onStop);
    process.on("SIGHUP", onHangup);
  });
}

/**
 * Leaves all of them to another process, which hears them too: a terminal sends Ctrl-C to every process in front of it,
 * and systemd SIGTERM to every process of a service.
 */
export function leaveSignals(): void {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);
}
