import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildUpstreamPath, compileRouter, normalizePath, type RouteDefinition } from "./router.ts";

type Fields = Partial<Omit<RouteDefinition<string>, "payload">>;

function route(id: string, fields: Fields): RouteDefinition<string> {
  return {
    id,
    stripPath: true,
    preserveHost: false,
    regexPriority: 0,
    pathHandling: "v0",
    payload: id,
    ...fields,
  };
}

interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly host?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly scheme?: "http" | "https";
  readonly serverName?: string | undefined;
}

function request({ method = "GET", path = "/", host, headers = {}, ...connection }: Ask) {
  return { method, path, host, header: (name: string) => headers[name], ...connection };
}

function winner(routes: readonly RouteDefinition<string>[], ask: Ask): string | undefined {
  return compileRouter(routes).match(request(ask))?.payload;
}

/** Every way a route can match, ranked by comparing, with nothing compiled: slow and plain. */
function reference(routes: readonly RouteDefinition<string>[], ask: Required<Ask>): string | undefined {
  const path = normalizePath(ask.path);
  const ways = routes.flatMap((each, age) => {
    if (!isMet(each, ask)) return [];
    if (each.paths === undefined) return [{ id: each.id, rank: rankOf(each, ask, age) }];
    return each.paths
      .filter((p) => (p.startsWith("~") ? new RegExp(`^(?:${p.slice(1)})`).test(path) : path.startsWith(p)))
      .map((p) => ({ id: each.id, rank: rankOf(each, ask, age, p) }));
  });
  const order = (a: number[], b: number[]) =>
    a.map((value, at) => (b[at] ?? 0) - value).find((d) => d !== 0) ?? 0;
  return ways.toSorted((a, b) => order(a.rank, b.rank))[0]?.id;
}

/** But for the path. */
function isMet(each: RouteDefinition<string>, ask: Required<Ask>): boolean {
  const { methods, hosts, headers = {} } = each;
  const isHost = (pattern: string) =>
    new RegExp(`^${pattern.replaceAll(".", "\\.").replace("*", ".+")}$`, "i").test(
      (ask.host ?? "").replace(/:\d+$/, ""),
    );
  if (fieldsOf(each, ask) === 0 || (ask.scheme === "https" && !allows(each, "https"))) return false;
  if (methods !== undefined && !methods.includes(ask.method)) return false;
  if (hosts !== undefined && !hosts.some(isHost)) return false;
  const snis = snisOf(each, ask);
  if (snis !== undefined && ask.serverName !== undefined && !snis.includes(ask.serverName)) return false;
  return Object.keys(headers).every((name) => headers[name]?.includes(ask.headers[name] ?? ""));
}

function rankOf(each: RouteDefinition<string>, ask: Required<Ask>, age: number, pattern = ""): number[] {
  return [
    fieldsOf(each, ask),
    each.hosts?.some((host) => host.includes("*")) === true ? 0 : 1,
    Object.keys(each.headers ?? {}).length,
    pattern.startsWith("~") ? 1 : 0,
    pattern.startsWith("~") ? each.regexPriority : pattern.length,
    ask.scheme === "http" ? fitForHttp(each) : 0,
    -age,
  ];
}

/** Those that refuse it are all alike. */
function fitForHttp(each: RouteDefinition<string>): number {
  if (!allows(each, "http")) return 0;
  return each.snis === undefined ? 2 : 1;
}

function fieldsOf(each: RouteDefinition<string>, ask: Required<Ask>): number {
  const { methods, hosts, headers, paths } = each;
  return [methods, hosts, headers, paths, snisOf(each, ask)].filter((field) => field !== undefined).length;
}

function snisOf({ snis }: RouteDefinition<string>, { scheme }: Required<Ask>) {
  return scheme === "http" ? undefined : snis;
}

function allows({ protocols = ["http", "https"] }: RouteDefinition<string>, scheme: string): boolean {
  return protocols.includes(scheme);
}

describe("the compiled router and a naive one", () => {
  const some = <T>(values: readonly T[], max: number) =>
    fc.option(fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: max }), {
      nil: undefined,
    });
  const fields = fc
    .record({
      methods: some(["GET", "POST"], 2),
      hosts: some(["a.com", "b.a.com", "*.a.com", "a.*", "*.com"], 2),
      paths: some(["/", "/x", "/x/y", "/x/y/z", "/xy", "~/x/(\\w+)", "~/(?<n>x|y)$", "~/x"], 3),
      headers: fc.option(
        fc.dictionary(fc.constantFrom("h", "k"), fc.constantFrom(["1"], ["2"], ["1", "2"]), {
          minKeys: 1,
          maxKeys: 2,
        }),
        { nil: undefined },
      ),
      regexPriority: fc.integer({ min: 0, max: 2 }),
      stripPath: fc.boolean(),
      protocols: some(["http", "https"], 2),
      snis: some(["a.com", "b.com"], 2),
    })
    .filter(({ methods, hosts, paths, headers, snis }) =>
      [methods, hosts, paths, headers, snis].some((field) => field !== undefined),
    );
  const tables = fc
    .array(fields, { minLength: 1, maxLength: 8 })
    .map((list) => list.map((each, index) => route(`r${index}`, each)));
  const asks = fc.record({
    method: fc.constantFrom("GET", "POST", "PUT"),
    host: fc.constantFrom("a.com", "b.a.com", "b.a.com:8000", "a.org", "b.org", undefined),
    path: fc.constantFrom(
      "/",
      "/x",
      "/x/y",
      "/x/y/z/w",
      "/xy",
      "/y",
      "//x/./y",
      "/%78/q",
      "/z/../x",
      "/x../y",
    ),
    headers: fc.dictionary(fc.constantFrom("h", "k"), fc.constantFrom("1", "2", "3"), { maxKeys: 2 }),
    scheme: fc.constantFrom("http", "https"),
    serverName: fc.constantFrom("a.com", "b.com", "", undefined),
  });

  it("choose the same route for any table and request", () => {
    fc.assert(
      fc.property(tables, asks, (table, ask) => {
        expect(winner(table, ask)).toBe(reference(table, ask));
      }),
      { numRuns: 2_000 },
    );
  });

  it("strip only what they matched: joined to it again, the rest is the path", () => {
    fc.assert(
      fc.property(tables, asks, (table, ask) => {
        const match = compileRouter(table).match(request(ask));
        if (match === undefined) return;
        expect(match.path.endsWith(match.remainder)).toBe(true);
        const matched = match.path.slice(0, match.path.length - match.remainder.length);
        if (!match.remainder.startsWith("."))
          expect(normalizePath(matched + match.remainder)).toBe(match.path);
        if (!match.route.stripPath) expect(match.strippedPath).toBe(match.path);
        expect(match.strippedPath.startsWith("/")).toBe(true);
        expect(buildUpstreamPath("/s", match, "v0")).toMatch(/^\/s(\/|$)/);
      }),
    );
  });
});
