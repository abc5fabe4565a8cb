/** The path an upstream is asked for: the service's and what is left of the request's. */
import type { PathHandling, RouteMatch } from "./route.ts";

type MatchedPath = Pick<RouteMatch, "path" | "strippedPath" | "remainder"> & {
  readonly route: Pick<RouteMatch["route"], "stripPath">;
};

/**
 * Joins as Kong documents `path_handling`. v0: the parts are segments, joined by one slash; a trailing slash stays
 * only where the request has one. v1: the service's path is a prefix, and the request's first slash is ignored.
 * Begins with "/", has no doubled slash at the joint, and never leaves the service's path.
 */
export function buildUpstreamPath(
  servicePath: string | undefined,
  match: MatchedPath,
  pathHandling: PathHandling,
): string {
  const base = servicePath === undefined || servicePath === "" ? "/" : servicePath;
  return pathHandling === "v1" ? asPrefix(base, match) : asSegments(base, match);
}

function asSegments(base: string, { path, strippedPath }: MatchedPath): string {
  const parent = base.endsWith("/") ? base.slice(0, -1) : base;
  if (strippedPath !== "/") return parent + strippedPath;
  return path !== "/" && path.endsWith("/") ? `${parent}/` : parent || "/";
}

function asPrefix(base: string, { path, strippedPath, remainder, route }: MatchedPath): string {
  if (!route.stripPath || remainder === path) return base + path.slice(1);
  if (remainder.startsWith("/")) return base.endsWith("/") ? base + remainder.slice(1) : base + remainder;
  return base + strippedPath.slice(1);
}
