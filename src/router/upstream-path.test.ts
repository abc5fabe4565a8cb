import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildUpstreamPath, compileRouter, normalizePath, type PathHandling } from "./router.ts";

function upstreamPath(
  service: string | undefined,
  route: string,
  isStripped: boolean,
  handling: PathHandling,
  path: string,
) {
  const router = compileRouter([
    {
      id: "r",
      paths: [route],
      stripPath: isStripped,
      preserveHost: false,
      regexPriority: 0,
      pathHandling: handling,
      payload: undefined,
    },
  ]);
  const match = router.match({ method: "GET", path, host: undefined, header: () => undefined });
  return match === undefined ? undefined : buildUpstreamPath(service, match, handling);
}

describe("buildUpstreamPath", () => {
  // The table of the Route entity's documentation (its "/s/fv01/" read as the typing error it is); "/fv0/" with the
  // request "/fv0/req" and so on.
  it.each([
    ["/s", "/fv0", false, "v0", "/fv0/req", "/s/fv0/req"],
    ["/s", "/fv0", false, "v0", "/fv0", "/s/fv0"],
    ["/s", "/fv1", false, "v1", "/fv1/req", "/sfv1/req"],
    ["/s", "/fv1", false, "v1", "/fv1", "/sfv1"],
    ["/s", "/tv0", true, "v0", "/tv0/req", "/s/req"],
    ["/s", "/tv0", true, "v0", "/tv0", "/s"],
    ["/s", "/tv1", true, "v1", "/tv1/req", "/s/req"],
    ["/s", "/tv1", true, "v1", "/tv1", "/s"],
    ["/s", "/fv0/", false, "v0", "/fv0/req", "/s/fv0/req"],
    ["/s", "/fv0/", false, "v0", "/fv0/", "/s/fv0/"],
    ["/s", "/fv1/", false, "v1", "/fv1/req", "/sfv1/req"],
    ["/s", "/fv1/", false, "v1", "/fv1/", "/sfv1/"],
    ["/s", "/tv0/", true, "v0", "/tv0/req", "/s/req"],
    ["/s", "/tv0/", true, "v0", "/tv0/", "/s/"],
    ["/s", "/tv1/", true, "v1", "/tv1/req", "/sreq"],
    ["/s", "/tv1/", true, "v1", "/tv1/", "/s"],
  ] as const)(
    "service %s, route %s, strip %s, %s: %s becomes %s",
    (service, route, strip, handling, path, expected) => {
      expect(upstreamPath(service, route, strip, handling, path)).toBe(expected);
    },
  );

  it.each([
    [undefined, "/a", true, "v0", "/a", "/"],
    [undefined, "/a", true, "v0", "/a/", "/"],
    [undefined, "/a", true, "v1", "/a/x", "/x"],
    ["/", "/a", true, "v0", "/a/x", "/x"],
    ["/s/", "/a", true, "v0", "/a", "/s"],
    ["/s/", "/a", true, "v0", "/a/", "/s/"],
    ["/s/", "/a", true, "v1", "/a/x", "/s/x"],
    ["/s/", "/a", false, "v1", "/a/x", "/s/a/x"],
    ["/s", "/", false, "v0", "/", "/s"],
    ["/s", "/", true, "v0", "/x/", "/s/x/"],
    ["/s", "/any", true, "v0", "/anything", "/s/thing"],
    ["/s", "~/v\\d+/(?<rest>x)", true, "v0", "/v1/x/y", "/s/y"],
  ] as const)(
    "service %s, route %s, strip %s, %s: %s becomes %s",
    (service, route, strip, handling, path, expected) => {
      expect(upstreamPath(service, route, strip, handling, path)).toBe(expected);
    },
  );

  it.each(["v0", "v1"] as const)(
    "does not let a prefix cut within a segment climb out of the service (%s)",
    (handling) => {
      expect(upstreamPath("/public/", "/a", true, handling, "/a../secret")).toBe("/public/secret");
      expect(upstreamPath("/public/", "~/a", true, handling, "/a..")).toMatch(/^\/public\/?$/);
    },
  );

  const segments = fc.array(fc.constantFrom("a", "b..", "..c", "d%2Fe", "%2e", ".", "..", "", "f"), {
    maxLength: 6,
  });
  it("stays below the service's path, in normal form, whatever is stripped", () => {
    fc.assert(
      fc.property(segments, segments, fc.boolean(), (prefix, rest, isStripped) => {
        const route = normalizePath(`/${prefix.join("/")}`);
        const path = `${route}${rest.join("/")}`;
        const upstream = upstreamPath("/s/t", route, isStripped, "v0", path);
        if (upstream === undefined) return; // a dot segment led out of the prefix
        expect(upstream === "/s/t" || upstream.startsWith("/s/t/")).toBe(true);
        expect(normalizePath(upstream)).toBe(upstream);
      }),
    );
  });
});
