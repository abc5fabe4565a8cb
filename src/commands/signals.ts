/** Unix signals: SIGTERM and SIGINT stop, SIGHUP reloads. */
import type { Logger } from "../telemetry/logger.ts";

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. */
export function waitForStop(options: {
  readonly onReload?: () => Promise<unknown>;
  readonly log: Logger;
}): Promise<void> {
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
        process.exit(1);
      }
      isStopping = true;
      process.off("SIGHUP", onHangup);
      resolve();
    };
    process.on("SIGTERM", onStop);
    process.on("SIGINT", onStop);
    process.on("SIGHUP", onHangup);
  });
}
