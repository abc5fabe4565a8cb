/** Tells of routes that no client can use, since they are for https and nothing here speaks it. */
import type { Config, RouteConfig } from "../config/config.ts";
import type { Logger } from "../telemetry/logger.ts";
import { firstFew } from "../util/first-few.ts";
import type { ProcessSettings } from "./settings.ts";

/** For every config that is taken. Says nothing twice in a row; a proxy that is trusted may speak https for us. */
export function createRouteWarning(
  { proxyListenSsl, trustedIps }: Pick<ProcessSettings, "proxyListenSsl" | "trustedIps">,
  log: Logger,
): (config: Config) => void {
  if (proxyListenSsl !== undefined || trustedIps.length > 0) return () => undefined;
  let told = "";
  return ({ routes }) => {
    const names = routes.filter(isForHttpsAlone).map(({ id, name }) => name ?? id);
    const all = names.join();
    if (all !== "" && all !== told)
      log.warn(
        "routes are for https alone, and nothing here speaks it, so that clients are refused: set --proxy-listen-ssl, or --trusted-ips where a proxy in front ends TLS",
        { routes: firstFew(names) },
      );
    told = all;
  };
}

/** It says so, or matches on nothing but what is asked for when TLS begins. */
function isForHttpsAlone({ headers, hosts, methods, paths, protocols }: RouteConfig): boolean {
  if (!protocols.includes("http")) return true;
  return [hosts, methods, paths, Object.keys(headers ?? {})].every((each) => (each ?? []).length === 0);
}
