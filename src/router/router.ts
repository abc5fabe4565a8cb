/** Finds the route of a request: Kong's traditional router over a table sorted once. */
import {
  compileHeader,
  compileHost,
  compileServerName,
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
 * A route for http alone is not there for https. One for https alone is there for http, so that the client can be told; and
 * `snis` are no condition there, since there are none (Kong, issue 6425).
 *
 * Throws `RouteError` for a route that cannot be compiled.
 */
export function compileRouter<Payload>(routes: readonly RouteDefinition<Payload>[]): Router<Payload> {
  const compiled = routes.map(compileRoute);
  // Array.prototype.sort is stable, which is what makes the older route win.
  const plain = compiled.flatMap(entriesForHttp).sort(byPriority);
  const secure = compiled.flatMap(entriesForHttps).sort(byPriority);
  const readsHost = compiled.some(({ hosts }) => hosts !== undefined);
  return {
    match: (request) => firstMatch(request.scheme === "https" ? secure : plain, request, readsHost),
  };
}

function firstMatch<Payload>(
  entries: readonly Entry<Payload>[],
  request: RouteRequest,
  readsHost: boolean,
): RouteMatch<Payload> | undefined {
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
}

/** A route with its conditions compiled; undefined: not set. */
interface CompiledRoute<Payload> {
  readonly route: RouteDefinition<Payload>;
  readonly methods: readonly string[] | undefined;
  readonly hosts: readonly HostPattern[] | undefined;
  readonly headers: readonly HeaderCondition[] | undefined;
  readonly snis: readonly HostPattern[] | undefined;
  readonly paths: readonly CompiledPath[] | undefined;
}

interface CompiledPath {
  /** Normalised; "", with which every path begins, where there is no path or a regular expression. */
  readonly prefix: string;
  /** Sticky, so that it is anchored at the start. */
  readonly regex: RegExp | undefined;
}

/** One path of one route, among those for one scheme. */
interface Entry<Payload> extends Omit<CompiledRoute<Payload>, "paths">, CompiledPath {
  readonly fieldCount: number;
  readonly hasWildcardHost: boolean;
  readonly needsHttps: boolean;
  /** Among equals the lower one is tried first: over http what is meant for it comes before what is meant for TLS. */
  readonly tlsAffinity: number;
}

function compileRoute<Payload>(route: RouteDefinition<Payload>): CompiledRoute<Payload> {
  const methods = nonEmpty(route.methods?.map((method) => method.toUpperCase()));
  const hosts = nonEmpty(
    route.hosts?.map((host, at) => compilePart(route, ["hosts", at], host, () => compileHost(host))),
  );
  const headers = nonEmpty(
    Object.entries(route.headers ?? {}).map(([name, values]) =>
      compilePart(route, ["headers", name], values.join(", "), () => compileHeader(name, values)),
    ),
  );
  const snis = nonEmpty(
    route.snis?.map((sni, at) => compilePart(route, ["snis", at], sni, () => compileServerName(sni))),
  );
  const paths = nonEmpty(
    route.paths?.map((path, at) => compilePart(route, ["paths", at], path, () => compilePath(path))),
  );
  if ([methods, hosts, headers, snis, paths].every((field) => field === undefined)) {
    throw new RouteError(
      nameOf(route),
      [],
      "it matches on nothing; give it at least one of methods, hosts, headers, paths or snis",
    );
  }
  return { route, methods, hosts, headers, snis, paths };
}

/** None for a route that matches on nothing but server names. */
function entriesForHttp<Payload>(compiled: CompiledRoute<Payload>): Entry<Payload>[] {
  const needsHttps = !allows(compiled, "http");
  const tlsAffinity = needsHttps ? 2 : compiled.snis === undefined ? 0 : 1;
  const entries = entriesOf({ ...compiled, snis: undefined }, { needsHttps, tlsAffinity });
  return entries.filter(({ fieldCount }) => fieldCount > 0);
}

function entriesForHttps<Payload>(compiled: CompiledRoute<Payload>): Entry<Payload>[] {
  return allows(compiled, "https") ? entriesOf(compiled, { needsHttps: false, tlsAffinity: 0 }) : [];
}

function allows({ route: { protocols } }: CompiledRoute<unknown>, scheme: "http" | "https"): boolean {
  return protocols === undefined || protocols.includes(scheme);
}

function entriesOf<Payload>(
  { paths, ...conditions }: CompiledRoute<Payload>,
  facts: Pick<Entry<Payload>, "needsHttps" | "tlsAffinity">,
): Entry<Payload>[] {
  const { headers, hosts, methods, snis } = conditions;
  const fieldCount = [methods, hosts, headers, snis, paths].filter((field) => field !== undefined).length;
  const hasWildcardHost = hosts?.some((host) => host.kind !== "exact") ?? false;
  const shared = { ...conditions, ...facts, fieldCount, hasWildcardHost };
  return (paths ?? [{ prefix: "", regex: undefined }]).map((path) => ({ ...shared, ...path }));
}

function compilePath(path: string): CompiledPath {
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
    b.prefix.length - a.prefix.length ||
    a.tlsAffinity - b.tlsAffinity
  );
}

function meetsConditions(entry: Entry<unknown>, request: RouteRequest, name: string, port: string): boolean {
  const { methods, hosts, headers, snis } = entry;
  if (methods !== undefined && !methods.includes(request.method)) return false;
  if (hosts !== undefined && !matchesAnyHost(hosts, name, port)) return false;
  if (snis !== undefined && !matchesServerName(snis, request.serverName)) return false;
  for (const condition of headers ?? [])
    if (!matchesHeader(condition, request.header(condition.name))) return false;
  return true;
}

function matchesServerName(snis: readonly HostPattern[], serverName: string | undefined): boolean {
  return serverName === undefined || matchesAnyHost(snis, serverName.toLowerCase(), "");
}

/** For an entry whose prefix the path has. */
function matchPath<Payload>(entry: Entry<Payload>, path: string): RouteMatch<Payload> | undefined {
  const { regex, prefix } = entry;
  if (regex === undefined)
    return path.startsWith(prefix) ? found(entry, path, prefix.length, noCaptures) : undefined;
  regex.lastIndex = 0;
  const groups = regex.exec(path);
  return groups === null ? undefined : found(entry, path, groups[0].length, capturesOf(groups));
}

function found<Payload>(
  { needsHttps, route }: Entry<Payload>,
  path: string,
  matchedLength: number,
  uriCaptures: Readonly<Record<string, string>>,
): RouteMatch<Payload> {
  const remainder = route.stripPath ? path.slice(matchedLength) : path;
  // Cutting "/a" off "/a../b" leaves "../b": without a second look that would climb out of the service's path.
  const strippedPath = remainder.startsWith("/") ? remainder : normalizePath(`/${remainder}`);
  return { route, payload: route.payload, uriCaptures, path, strippedPath, remainder, needsHttps };
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
