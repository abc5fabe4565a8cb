import { describe, expect, it } from "vitest";
import { compileRouter, type RouteDefinition, RouteError } from "./router.ts";

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
  readonly serverName?: string;
}

function request({ method = "GET", path = "/", host, headers = {}, ...connection }: Ask) {
  return { method, path, host, header: (name: string) => headers[name], ...connection };
}

function winner(routes: readonly RouteDefinition<string>[], ask: Ask): string | undefined {
  return compileRouter(routes).match(request(ask))?.payload;
}

describe("compileRouter", () => {
  it("wants every field of a route met, by any of its values", () => {
    const table = [
      route("r", {
        hosts: ["example.com", "foo-service.com"],
        paths: ["/foo", "/bar"],
        methods: ["GET", "post"],
      }),
    ];
    expect(winner(table, { path: "/foo", host: "example.com" })).toBe("r");
    expect(winner(table, { path: "/bar", host: "foo-service.com", method: "POST" })).toBe("r");
    expect(winner(table, { path: "/foo/hello/world", host: "EXAMPLE.com" })).toBe("r");
    expect(winner(table, { path: "/", host: "example.com" })).toBeUndefined();
    expect(winner(table, { path: "/foo", host: "example.com", method: "PUT" })).toBeUndefined();
    expect(winner(table, { path: "/foo", host: "foo.com" })).toBeUndefined();
    expect(winner(table, { path: "/foo", host: undefined })).toBeUndefined();
  });

  it("takes a plain path as a prefix of text, not of segments", () => {
    const table = [route("r", { paths: ["/any"] })];
    expect(winner(table, { path: "/anything/chat/completions" })).toBe("r");
    expect(winner(table, { path: "/an" })).toBeUndefined();
    expect(winner(table, { path: "/ANY" })).toBeUndefined();
  });

  it("cannot be slipped past by another spelling of the path", () => {
    const table = [route("admin", { paths: ["/admin"] }), route("all", { paths: ["/"] })];
    for (const path of [
      "/admin",
      "//admin",
      "/x/../admin",
      "/%61dmin",
      "/./admin",
      "/x/%2e%2e/admin",
      "/x//..//admin",
    ]) {
      expect(winner(table, { path })).toBe("admin");
    }
    expect(winner(table, { path: "/admin/../public" })).toBe("all");
  });

  it("normalises the paths of the table too", () => {
    expect(winner([route("r", { paths: ["/caf%c3%a9//%7Ex"] })], { path: "/caf%C3%A9/~x/y" })).toBe("r");
  });

  it("reads a wildcard as one or more labels at the left, or the rest at the right", () => {
    const left = [route("r", { hosts: ["*.example.com"] })];
    expect(winner(left, { host: "a.example.com" })).toBe("r");
    expect(winner(left, { host: "x.y.Example.COM:8000" })).toBe("r");
    expect(winner(left, { host: "example.com" })).toBeUndefined();
    expect(winner(left, { host: ".example.com" })).toBeUndefined();
    expect(winner(left, { host: "a.example.com.evil.org" })).toBeUndefined();
    expect(winner(left, { host: "evilexample.com" })).toBeUndefined();
    const right = [route("r", { hosts: ["example.*"] })];
    expect(winner(right, { host: "example.org" })).toBe("r");
    expect(winner(right, { host: "example." })).toBeUndefined();
    expect(winner(right, { host: "an.example.org" })).toBeUndefined();
  });

  it("compares a port only where the route names one, and knows that clients leave default ports out", () => {
    const table = [
      route("r", { hosts: ["a.com:8443", "b.com:443", "[::1]:8000"] }),
      route("any", { hosts: ["c.com", "[::2]"] }),
    ];
    expect(winner(table, { host: "a.com:8443" })).toBe("r");
    expect(winner(table, { host: "a.com" })).toBeUndefined();
    expect(winner(table, { host: "a.com:80" })).toBeUndefined();
    expect(winner(table, { host: "b.com" })).toBe("r");
    expect(winner(table, { host: "[::1]:8000" })).toBe("r");
    expect(winner(table, { host: "[::2]" })).toBe("any");
    expect(winner(table, { host: "c.com:12345" })).toBe("any");
  });

  it("wants all headers, any value of each, in any case, and sees one of several sent", () => {
    const table = [route("r", { headers: { "X-Tier": ["gold", "Silver"], version: ["v1"] } })];
    expect(winner(table, { headers: { "x-tier": "GOLD", version: "v1" } })).toBe("r");
    expect(winner(table, { headers: { "x-tier": "bronze, silver", version: "v1" } })).toBe("r");
    expect(winner(table, { headers: { "x-tier": "gold" } })).toBeUndefined();
    expect(winner(table, { headers: { "x-tier": "golden", version: "v1" } })).toBeUndefined();
  });

  it("matches a header value that contains a comma as a whole", () => {
    expect(winner([route("r", { headers: { a: ["x, y"] } })], { headers: { a: "x, y" } })).toBe("r");
  });

  it("reads a single header value after ~* as a regular expression, several as plain text", () => {
    expect(
      winner([route("r", { headers: { tier: ["~*^gold-\\d+$"] } })], { headers: { tier: "Gold-12" } }),
    ).toBe("r");
    const plain = [route("r", { headers: { tier: ["~*gold", "x"] } })];
    expect(winner(plain, { headers: { tier: "gold" } })).toBeUndefined();
    expect(winner(plain, { headers: { tier: "~*gold" } })).toBe("r");
  });

  it("gives the captures of a regular expression by name and number, escapes untouched", () => {
    const router = compileRouter([route("r", { paths: ["~/v/(?<model>[^#?/]+)/(\\w+)(?<none>z)?"] })]);
    const match = router.match(request({ path: "/v/a%2Fb%20c/chat/x" }));
    expect({ ...match?.uriCaptures }).toEqual({ model: "a%2Fb%20c", 1: "a%2Fb%20c", 2: "chat" });
    expect(match?.strippedPath).toBe("/x");
    expect(match?.uriCaptures["constructor"]).toBeUndefined();
  });

  it("keeps no state between requests to a regular expression", () => {
    const router = compileRouter([route("r", { paths: ["~/a"] })]);
    for (let round = 0; round < 3; round += 1)
      expect(router.match(request({ path: "/a" }))?.payload).toBe("r");
    expect(router.match(request({ path: "/x/a" }))).toBeUndefined();
  });

  it("takes an empty list for a field that is not set", () => {
    expect(
      winner([route("r", { hosts: [], methods: [], headers: {}, paths: ["/"] })], { method: "PATCH" }),
    ).toBe("r");
  });

  describe("looks at the client's connection:", () => {
    const https = (serverName?: string): Ask => ({
      scheme: "https",
      ...(serverName !== undefined && { serverName }),
    });

    it("a route for http alone is not there for https", () => {
      const table = [route("plain", { paths: ["/a"], protocols: ["http"] }), route("both", { paths: ["/"] })];
      expect(winner(table, { path: "/a" })).toBe("plain");
      expect(winner(table, { path: "/a", ...https("x") })).toBe("both");
      expect(winner(table.slice(0, 1), { path: "/a", ...https("x") })).toBeUndefined();
    });

    it("a route for https alone keeps its rank over http, where it is to tell the client", () => {
      const table = [
        route("secure", { paths: ["/a"], protocols: ["grpcs", "https"] }),
        route("both", { paths: ["/"] }),
      ];
      const match = (ask: Ask) => {
        const { needsHttps, payload } = compileRouter(table).match(request(ask)) ?? {};
        return [payload, needsHttps];
      };
      expect(match({ path: "/a" })).toEqual(["secure", true]);
      expect(match({ path: "/a", ...https("") })).toEqual(["secure", false]);
      expect(match({ path: "/b" })).toEqual(["both", false]);
    });

    it("among equals over http the route for it comes before those for TLS", () => {
      const hosts = ["my.test"];
      const table = [
        route("secure", { hosts, snis: ["my.test"], protocols: ["https"] }),
        route("both", { hosts, snis: ["my.test"] }),
        route("plain", { hosts, protocols: ["http"] }),
      ];
      expect(winner(table, { host: "my.test" })).toBe("plain");
      expect(winner(table.slice(0, 2), { host: "my.test" })).toBe("both");
      expect(winner(table.slice(0, 1), { host: "my.test" })).toBe("secure");
      expect(winner(table, { host: "my.test", ...https("my.test") })).toBe("secure");
    });

    it("server names are a condition where TLS ends here, and count as a field there", () => {
      const table = [
        route("path", { paths: ["/long"] }),
        route("named", { paths: ["/"], snis: ["a.example", "*.b.example", "c.*"] }),
      ];
      for (const name of ["a.example", "A.Example", "x.b.example", "c.net"])
        expect(winner(table, { path: "/long", ...https(name) })).toBe("named");
      for (const name of ["", "b.example", "x.a.example"])
        expect(winner(table, { path: "/long", ...https(name) })).toBe("path");
      expect(winner(table, { path: "/" })).toBe("named");
      expect(winner(table, { path: "/", ...https() })).toBe("named");
    });

    it("a route with nothing but server names is not there for http", () => {
      const table = [route("r", { snis: ["a.example"] })];
      expect(winner(table, https("a.example"))).toBe("r");
      expect(winner(table, https("b.example"))).toBeUndefined();
      expect(winner(table, {})).toBeUndefined();
    });
  });

  describe("ranks", () => {
    it("more fields first", () => {
      const table = [
        route("host", { hosts: ["a.com"] }),
        route("host+method", { hosts: ["a.com"], methods: ["POST"] }),
        route("host+method+path", { hosts: ["a.com"], methods: ["POST"], paths: ["/"] }),
      ];
      expect(winner(table, { host: "a.com" })).toBe("host");
      expect(winner(table, { host: "a.com", method: "POST" })).toBe("host+method+path");
    });

    it("plain hosts before wildcards", () => {
      const table = [
        route("wild", { hosts: ["*.com", "x.org"], paths: ["/long/path"] }),
        route("plain", { hosts: ["a.com"], paths: ["/"] }),
      ];
      expect(winner(table, { host: "a.com", path: "/long/path" })).toBe("plain");
    });

    it("more headers before more path", () => {
      const table = [
        route("one", { headers: { a: ["1"] }, paths: ["/long/path"] }),
        route("two", { headers: { a: ["1"], b: ["2"] }, paths: ["/"] }),
      ];
      expect(winner(table, { headers: { a: "1", b: "2" }, path: "/long/path" })).toBe("two");
    });

    // The example of the traditional router's documentation.
    it("regular expressions before prefixes, by priority, then by age", () => {
      const table = [
        route("version", { paths: ["/version"] }),
        route("status", { paths: ["~/(version/)?\\d*/?status/\\d+"] }),
        route("version-status", { paths: ["~/version/\\d+/status/\\d+"], regexPriority: 6 }),
        route("any", { paths: ["~/version/.*"] }),
      ];
      expect(winner(table, { path: "/version/1/status/2" })).toBe("version-status");
      expect(winner(table, { path: "/version/status/2" })).toBe("status");
      expect(winner(table, { path: "/version/x" })).toBe("any");
      expect(winner(table, { path: "/version" })).toBe("version");
    });

    it("the longest prefix first, each path of a route by itself", () => {
      const table = [
        route("a", { paths: ["/x", "/service/resource"] }),
        route("b", { paths: ["/service", "/x/y"] }),
      ];
      expect(winner(table, { path: "/service/resource" })).toBe("a");
      expect(winner(table, { path: "/service/other" })).toBe("b");
      expect(winner(table, { path: "/x/y" })).toBe("b");
      expect(winner(table, { path: "/x/z" })).toBe("a");
    });

    it("the older route first when nothing else decides", () => {
      expect(winner([route("old", { paths: ["/a"] }), route("new", { paths: ["/a"] })], { path: "/a" })).toBe(
        "old",
      );
    });
  });

  describe("refuses", () => {
    const refusal = (fields: Fields): RouteError => {
      try {
        compileRouter([route("id-1", { name: "my-route", ...fields })]);
      } catch (error) {
        if (error instanceof RouteError) return error;
      }
      throw new Error("not refused");
    };

    it.each<[string, Fields, (string | number)[], RegExp]>([
      ["a route that matches on nothing", {}, [], /at least one of methods, hosts, headers, paths or snis/],
      [
        "a bad regular expression",
        { paths: ["/ok", "~/(a"] },
        ["paths", 1],
        /paths\.1 cannot be used \("~\/\(a"\): Unterminated group/,
      ],
      ["an empty regular expression", { paths: ["~"] }, ["paths", 0], /is empty/],
      ["a path without a slash", { paths: ["anything"] }, ["paths", 0], /must begin with \//],
      ["a path with a query", { paths: ["/a?b=c"] }, ["paths", 0], /no query/],
      [
        "a wildcard inside a label",
        { hosts: ["a*.example.com"] },
        ["hosts", 0],
        /leftmost or rightmost label/,
      ],
      ["a wildcard in the middle", { hosts: ["a.*.com"] }, ["hosts", 0], /leftmost or rightmost label/],
      ["two wildcards", { hosts: ["*.example.*"] }, ["hosts", 0], /leftmost or rightmost label/],
      ["a bare wildcard", { hosts: ["*"] }, ["hosts", 0], /leftmost or rightmost label/],
      ["a server name with a port", { snis: ["a.com:443"] }, ["snis", 0], /has no port/],
      ["a URL for a host", { hosts: ["http://a.com"] }, ["hosts", 0], /not a host name/],
      ["a port that is none", { hosts: ["a.com:http"] }, ["hosts", 0], /not a host name/],
      [
        "the Host header among headers",
        { headers: { Host: ["a"] } },
        ["headers", "Host"],
        /by its field hosts/,
      ],
      ["a header without values", { headers: { "x-a": [] } }, ["headers", "x-a"], /name at least one/],
      ["a bad header expression", { headers: { "x-a": ["~*["] } }, ["headers", "x-a"], /not closed/],
    ])("%s, and says where", (_what, fields, path, message) => {
      const error = refusal(fields);
      expect(error.routeName).toBe("my-route");
      expect(error.path).toEqual(path);
      expect(error.message).toMatch(message);
    });
  });
});
