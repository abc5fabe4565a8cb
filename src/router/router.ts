/** Finds the route of a request: Kong's traditional router over a table sorted once. */
import {
  compileHeader,
  compileHost,
  type HeaderCondition,
  type HostPattern,
  hostName,
  hostPort,
  matchesAnyHost,
  matchesHeader,
} from "./matchers.ts";
import { normalizePath } from "./path.ts";
import { compilePcre } from "./pcre.ts";
import {
  type RouteDefinition,
  RouteError,
  type RouteMatch,
  type RouteRequest,
  type Router,
} from "./route.ts";

export { normalizePath } from "./path.ts";
export {
  type PathHandling,
  type RouteDefinition,
  RouteError,
  type RouteMatch,
  type Router,
} from "./route.ts";
export { buildUpstreamPath } from "./upstream-path.ts";

/**
 * Compiles a table of routes, given in order of creation. A route matches when every field it has matches, a field
 * when one of its values does. Where several routes match, as Kong documents for `traditional_compatible`: more
 * fields first, then those without a wildcard host, then more headers, then regular expressions by `regexPriority`,
 * then the longest path; and what Kong leaves open goes to the older route. Each path of a route is ranked by itself.
 *
 * Throws `RouteError` for a route that cannot be compiled.
 */
export function compileRouter<Payload>(routes: readonly RouteDefinition<Payload>[]): Router<Payload> {
  // Array.prototype.sort is stable, which is what makes the older route win.
  const entries = routes.flatMap(compileRoute).sort(byPriority);
  const readsHost = entries.some((entry) => entry.hosts !== undefined);
  return {
    match(request) {
      const path = normalizePath(request.path);
      const name = readsHost && request.host !== undefined ? hostName(request.host) : "";
      const port = readsHost && request.host !== undefined ? hostPort(request.host) : "";
      // A sorted array needs no index for the tables people have: 50 routes are walked in one to two microseconds.
      for (const entry of entries) {
        if (!path.startsWith(entry.prefix) || !meetsConditions(entry, request, name, port)) continue;
        const match = matchPath(entry, path);
        if (match !== undefined) return match;
      }
      return undefined;
    },
  };
}

/** One path of one route. */
interface Entry<Payload> {
  readonly route: RouteDefinition<Payload>;
  readonly methods: readonly string[] | undefined;
  readonly hosts: readonly HostPattern[] | undefined;
  readonly headers: readonly HeaderCondition[] | undefined;
  /** Normalised; "", with which every path begins, where there is no path or a regular expression. */
  readonly prefix: string;
  /** Sticky, so that it is anchored at the start. */
  readonly regex: RegExp | undefined;
  readonly fieldCount: number;
  readonly hasWildcardHost: boolean;
}

function compileRoute<Payload>(route: RouteDefinition<Payload>): Entry<Payload>[] {
  const methods = nonEmpty(route.methods?.map((method) => method.toUpperCase()));
  const hosts = nonEmpty(
    route.hosts?.map((host, at) => compilePart(route, ["hosts", at], host, () => compileHost(host))),
  );
  const headers = nonEmpty(
    Object.entries(route.headers ?? {}).map(([name, values]) =>
      compilePart(route, ["headers", name], values.join(", "), () => compileHeader(name, values)),
    ),
  );
  const paths = nonEmpty(
    route.paths?.map((path, at) => compilePart(route, ["paths", at], path, () => compilePath(path))),
  );
  const fieldCount = [methods, hosts, headers, paths].filter((field) => field !== undefined).length;
  if (fieldCount === 0) {
    throw new RouteError(
      nameOf(route),
      [],
      "it matches on nothing; give it at least one of methods, hosts, headers or paths",
    );
  }
  const hasWildcardHost = hosts?.some((host) => host.kind !== "exact") ?? false;
  const shared = { route, methods, hosts, headers, fieldCount, hasWildcardHost };
  return (paths ?? [{ prefix: "", regex: undefined }]).map((path) => ({ ...shared, ...path }));
}

function compilePath(path: string): Pick<Entry<unknown>, "prefix" | "regex"> {
  if (path === "~") throw new Error("the regular expression after ~ is empty");
  if (path.startsWith("~")) return { prefix: "", regex: compilePcre(path.slice(1), { for: "path" }) };
  if (!path.startsWith("/"))
    throw new Error("a path must begin with / (a prefix) or ~/ (a regular expression)");
  if (/[?#]/.test(path)) throw new Error("a path has no query and no fragment; remove it from ? or # on");
  return { prefix: normalizePath(path), regex: undefined };
}

/** Turns what a part's compiler says into a `RouteError` that names the place. */
function compilePart<Part>(
  route: RouteDefinition<unknown>,
  path: readonly (string | number)[],
  value: string,
  compile: () => Part,
): Part {
  try {
    return compile();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RouteError(nameOf(route), path, `${path.join(".")} cannot be used ("${value}"): ${reason}`, {
      cause,
    });
  }
}

function nameOf(route: RouteDefinition<unknown>): string {
  return route.name ?? route.id;
}

/** Kong reads an empty list as a field that is not set. */
function nonEmpty<Item>(list: readonly Item[] | undefined): readonly Item[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list;
}

function byPriority(a: Entry<unknown>, b: Entry<unknown>): number {
  return (
    b.fieldCount - a.fieldCount ||
    Number(a.hasWildcardHost) - Number(b.hasWildcardHost) ||
    (b.headers?.length ?? 0) - (a.headers?.length ?? 0) ||
    Number(b.regex !== undefined) - Number(a.regex !== undefined) ||
    (a.regex === undefined ? 0 : b.route.regexPriority - a.route.regexPriority) ||
    b.prefix.length - a.prefix.length
  );
}

function meetsConditions(entry: Entry<unknown>, request: RouteRequest, name: string, port: string): boolean {
  const { methods, hosts, headers } = entry;
  if (methods !== undefined && !methods.includes(request.method)) return false;
  if (hosts !== undefined && !matchesAnyHost(hosts, name, port)) return false;
  for (const condition of headers ?? [])
    if (!matchesHeader(condition, request.header(condition.name))) return false;
  return true;
}

/** For an entry whose prefix the path has. */
function matchPath<Payload>(entry: Entry<Payload>, path: string): RouteMatch<Payload> | undefined {
  const { regex, prefix, route } = entry;
  if (regex === undefined)
    return path.startsWith(prefix) ? found(route, path, prefix.length, noCaptures) : undefined;
  regex.lastIndex = 0;
  const groups = regex.exec(path);
  return groups === null ? undefined : found(route, path, groups[0].length, capturesOf(groups));
}

function found<Payload>(
  route: RouteDefinition<Payload>,
  path: string,
  matchedLength: number,
  uriCaptures: Readonly<Record<string, string>>,
): RouteMatch<Payload> {
  const remainder = route.stripPath ? path.slice(matchedLength) : path;
  // Cutting "/a" off "/a../b" leaves "../b": without a second look that would climb out of the service's path.
  const strippedPath = remainder.startsWith("/") ? remainder : normalizePath(`/${remainder}`);
  return { route, payload: route.payload, uriCaptures, path, strippedPath, remainder };
}

const noCaptures: Readonly<Record<string, string>> = Object.freeze(emptyRecord());

function capturesOf(groups: RegExpExecArray): Readonly<Record<string, string>> {
  if (groups.length === 1) return noCaptures;
  const captures = emptyRecord();
  for (let index = 1; index < groups.length; index += 1) {
    const value = groups[index];
    if (value !== undefined) captures[index] = value;
  }
  for (const [name, value] of Object.entries(groups.groups ?? {})) {
    if (value !== undefined) captures[name] = value;
  }
  return captures;
}

/** Without a prototype, so that a template asking for `constructor` finds nothing. */
function emptyRecord(): Record<string, string> {
  return Object.create(null) as Record<string, string>; // Object.create is typed any
}
