/** What is said of every config that is served, beyond what its file alone could say. */
import type { Config } from "../config/config.ts";
import type { Logger } from "../telemetry/logger.ts";
import { systemSchedule } from "../util/schedule.ts";
import { createDateWarning } from "./certificate-dates.ts";
import type { ProcessSettings } from "./settings.ts";
import { createRouteWarning } from "./unreachable-routes.ts";

export interface ConfigWarnings {
  /** The config is served from now on; its certificates are those that clients are shown. */
  take(config: Config): void;
  close(): void;
}

/** Warns of routes that nobody can reach, and of certificates that clients refuse or soon will. */
export function createConfigWarnings(
  settings: Pick<ProcessSettings, "proxyListenSsl" | "trustedIps">,
  log: Logger,
): ConfigWarnings {
  const warnOfRoutes = createRouteWarning(settings, log);
  const dates = createDateWarning({ log, wallClock: () => Date.now(), schedule: systemSchedule });
  return {
    take(config) {
      warnOfRoutes(config);
      if (settings.proxyListenSsl !== undefined) dates.take(config.certificates);
    },
    close: () => dates.close(),
  };
}
