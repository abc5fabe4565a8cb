import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  acceptsGzip,
  aiRequestHeaders,
  aiResponseHeaders,
  forwardRequestHeaders,
  forwardResponseHeaders,
  hopByHopHeaders,
  type MessageHeaders,
} from "./headers.ts";

const toUpstream = { upstreamHost: "up.example:8080", preserveHost: false };

function forwarded(
  headers: MessageHeaders,
  options: Partial<Parameters<typeof forwardRequestHeaders>[1]> = {},
) {
  return forwardRequestHeaders({ headers, clientIp: "203.0.113.7" }, { ...toUpstream, ...options });
}

describe("forwardRequestHeaders", () => {
  it("passes what is end to end and drops what is about the connection", () => {
    const hops = Object.fromEntries([...hopByHopHeaders].map((name) => [name, "x"]));
    const headers = forwarded({
      ...hops,
      expect: "100-continue",
      accept: "*/*",
      cookie: "a=b",
      authorization: "Basic eA==",
    });
    expect(headers).toEqual({
      accept: "*/*",
      cookie: "a=b",
      authorization: "Basic eA==",
      host: "up.example:8080",
      "x-forwarded-for": "203.0.113.7",
      "x-forwarded-proto": "http",
      "x-forwarded-port": "80",
      "x-real-ip": "203.0.113.7",
    });
  });

  it("drops the headers that Connection names, but not what it sets itself", () => {
    const headers = forwarded({
      connection: "Close , X-Secret,x-forwarded-for, Host",
      "x-secret": "1",
      "x-other": "2",
      host: "h",
    });
    expect(headers["x-secret"]).toBeUndefined();
    expect(headers["x-other"]).toBe("2");
    expect(headers["x-forwarded-for"]).toBe("203.0.113.7");
    expect(headers["host"]).toBe("up.example:8080");
  });

  it("tells the upstream where the request came in", () => {
    const headers = forwarded({ host: "API.Example.com:8000" });
    expect(headers["x-forwarded-host"]).toBe("api.example.com");
    expect(headers["x-forwarded-port"]).toBe("8000");
    expect(forwarded({ host: "a.com" }, { port: 8443, scheme: "https" })["x-forwarded-port"]).toBe("8443");
    expect(forwarded({ host: "a.com" }, { scheme: "https" })).toMatchObject({
      "x-forwarded-port": "443",
      "x-forwarded-proto": "https",
    });
    expect(forwarded({ host: "[::1]:8000" })).toMatchObject({
      "x-forwarded-host": "[::1]",
      "x-forwarded-port": "8000",
    });
  });

  it("extends the chain of addresses and lets a stranger tell nothing else", () => {
    const lies = {
      "x-forwarded-for": "10.0.0.1",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "evil.example",
      "x-forwarded-port": "1",
      "x-forwarded-path": "/admin",
      "x-forwarded-prefix": "/p",
      "x-real-ip": "10.0.0.1",
    };
    expect(forwarded(lies)).toEqual({
      host: "up.example:8080",
      "x-forwarded-for": "10.0.0.1, 203.0.113.7",
      "x-forwarded-proto": "http",
      "x-forwarded-port": "80",
      "x-real-ip": "203.0.113.7",
    });
    expect(forwarded(lies, { trustsClient: true })).toEqual({
      ...lies,
      host: "up.example:8080",
      "x-forwarded-for": "10.0.0.1, 203.0.113.7",
    });
  });

  it("preserves the client's Host where asked, if there is one", () => {
    expect(forwarded({ host: "a.com:81" }, { preserveHost: true })["host"]).toBe("a.com:81");
    expect(forwarded({}, { preserveHost: true })["host"]).toBe("up.example:8080");
  });

  it.each<[string, MessageHeaders, string | undefined]>([
    ["one", { "content-length": "12" }, "12"],
    ["two that agree", { "content-length": "12, 12" }, "12"],
    ["two that agree, in a list", { "content-length": ["12", "12"] }, "12"],
    ["two that differ", { "content-length": "12, 13" }, undefined],
    ["one beside Transfer-Encoding", { "content-length": "12", "transfer-encoding": "chunked" }, undefined],
    ["a negative one", { "content-length": "-1" }, undefined],
    ["a signed one", { "content-length": "+12" }, undefined],
    ["a hexadecimal one", { "content-length": "0x10" }, undefined],
    ["an empty one", { "content-length": "" }, undefined],
    ["an absurd one", { "content-length": "9".repeat(20) }, undefined],
    ["one that Connection names", { "content-length": "12", connection: "content-length" }, undefined],
  ])("trusts a Content-Length only if it is sound: %s", (_what, headers, length) => {
    expect(forwarded(headers)["content-length"]).toBe(length);
    expect(forwardResponseHeaders(headers)["content-length"]).toBe(length);
    if (headers["connection"] === undefined) {
      expect(aiResponseHeaders(headers, { keepBodyHeaders: true })["content-length"]).toBe(length);
    }
  });

  it("never passes a hop-by-hop header, a named one or a pseudo-header, whatever comes", () => {
    const name = fc.constantFrom(...hopByHopHeaders, "x-a", "x-b", "accept", ":path", "content-type");
    fc.assert(
      fc.property(fc.dictionary(name, fc.string()), fc.subarray(["x-a", "x-b", "accept"]), (given, named) => {
        const headers: Record<string, string> = { ...given, connection: named.join(" ,") };
        const stopped = [...hopByHopHeaders, ...named, ":path"];
        const passing = ["x-a", "x-b", "accept", "content-type"].filter((each) => !named.includes(each));
        for (const passed of [forwarded(headers), forwardResponseHeaders(headers)]) {
          expect(Object.keys(passed).filter((each) => stopped.includes(each))).toEqual([]);
          expect(passing.map((each) => passed[each])).toEqual(passing.map((each) => headers[each]));
        }
      }),
    );
  });
});

describe("forwardResponseHeaders", () => {
  it("passes the upstream's answer as it is, lists included", () => {
    const headers = {
      "set-cookie": ["a=1", "b=2"],
      "content-encoding": "gzip",
      etag: '"x"',
      server: "s",
      "keep-alive": "timeout=5",
    };
    expect(forwardResponseHeaders(headers)).toEqual({
      "set-cookie": ["a=1", "b=2"],
      "content-encoding": "gzip",
      etag: '"x"',
      server: "s",
    });
  });
});

describe("aiRequestHeaders", () => {
  const client: MessageHeaders = {
    host: "gateway.example",
    authorization: "Bearer client-key",
    "proxy-authorization": "Basic eA==",
    cookie: "session=1",
    apikey: "k",
    "x-api-key": "k",
    "api-key": "k",
    "x-goog-api-key": "k",
    "x-auth-token": "k",
    "content-type": "application/json",
    "content-length": "10",
    "transfer-encoding": "chunked",
    connection: "keep-alive",
    "user-agent": "curl/8",
    "x-forwarded-for": "10.0.0.1",
    "x-real-ip": "10.0.0.1",
    forwarded: "for=10.0.0.1",
    "x-consumer-id": "c",
    "x-consumer-username": "alice",
    "x-credential-identifier": "c",
    "x-stainless-os": "Linux",
    "accept-encoding": "gzip, br",
    "x-client-request-id": "id-1",
    "openai-beta": "assistants=v2",
    "vendor-version": "1",
  };

  it("lets nothing of the client's credentials or identity through", () => {
    expect(aiRequestHeaders(client, { keepAuthorization: false })).toEqual({
      "accept-encoding": "gzip, identity",
      "x-client-request-id": "id-1",
    });
  });

  it("passes the client's Authorization where the target has no key of its own", () => {
    expect(aiRequestHeaders(client, { keepAuthorization: true })["authorization"]).toBe("Bearer client-key");
    expect(aiRequestHeaders({}, { keepAuthorization: true })).toEqual({ "accept-encoding": "identity" });
  });

  it("passes further headers by name and by beginning", () => {
    const passed = aiRequestHeaders(client, {
      keepAuthorization: false,
      alsoPass: ["vendor-*", "openai-beta", "user"],
    });
    expect(passed).toEqual({
      "accept-encoding": "gzip, identity",
      "x-client-request-id": "id-1",
      "openai-beta": "assistants=v2",
      "vendor-version": "1",
    });
  });

  it("keeps what is private even from a pattern that covers everything", () => {
    const passed = aiRequestHeaders(client, {
      keepAuthorization: false,
      alsoPass: ["*", "authorization", "cookie"],
    });
    expect(Object.keys(passed).sort()).toEqual(
      [
        "accept-encoding",
        "openai-beta",
        "user-agent",
        "vendor-version",
        "x-client-request-id",
        "x-stainless-os",
      ].sort(),
    );
  });

  it("asks the vendor for nothing but gzip", () => {
    const encoding = (value: string | undefined) =>
      aiRequestHeaders({ "accept-encoding": value }, { keepAuthorization: false })["accept-encoding"];
    expect(encoding("br, zstd")).toBe("identity");
    expect(encoding("gzip;q=0")).toBe("identity");
    expect(encoding(undefined)).toBe("identity");
    expect(encoding("deflate, gzip;q=0.5")).toBe("gzip, identity");
  });
});

describe("aiResponseHeaders", () => {
  const vendor: MessageHeaders = {
    "content-type": "application/json",
    "content-length": "10",
    "content-encoding": "gzip",
    "transfer-encoding": undefined,
    connection: "keep-alive",
    "set-cookie": ["__cf_bm=1"],
    "strict-transport-security": "max-age=1",
    "access-control-allow-origin": "*",
    "alt-svc": 'h3=":443"',
    server: "cloudflare",
    "vendor-organization": "acme",
    "x-request-id": "req_1",
    "request-id": "req_2",
    "apim-request-id": "req_3",
    "x-amzn-requestid": "req_4",
    "retry-after": "1",
    "retry-after-ms": "900",
    "x-should-retry": "true",
    "x-ratelimit-remaining-tokens": "1",
    "vendor-ratelimit-requests-limit": "2",
    "ratelimit-policy": "q",
    ratelimit: "r",
    "vendor-processing-ms": "12",
    "vendor-version": "3",
  };
  const useful = [
    "x-request-id",
    "request-id",
    "apim-request-id",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    "x-ratelimit-remaining-tokens",
    "vendor-ratelimit-requests-limit",
    "ratelimit-policy",
    "ratelimit",
    "vendor-processing-ms",
  ];

  it("passes limits, request ids and when to try again, and no more", () => {
    const names = Object.keys(aiResponseHeaders(vendor, { keepBodyHeaders: false }));
    expect(names.sort()).toEqual([...useful, "x-amzn-requestid"].sort());
  });

  it("describes the body only where the body itself is passed", () => {
    expect(aiResponseHeaders(vendor, { keepBodyHeaders: true })).toMatchObject({
      "content-type": "application/json",
      "content-length": "10",
      "content-encoding": "gzip",
    });
  });

  it("passes further headers by pattern, cookies and hop-by-hop headers never", () => {
    const passed = aiResponseHeaders(vendor, { keepBodyHeaders: false, alsoPass: ["*"] });
    expect(passed["vendor-version"]).toBe("3");
    for (const name of ["set-cookie", "connection", "content-length", "content-encoding"])
      expect(passed).not.toHaveProperty(name);
  });
});

describe("acceptsGzip", () => {
  it.each<[string | undefined, boolean]>([
    [undefined, false],
    ["", false],
    ["gzip", true],
    ["GZip", true],
    ["x-gzip", true],
    ["gzip, deflate, br", true],
    ["deflate,gzip", true],
    ["br", false],
    ["identity", false],
    ["gzipped", false],
    ["*", true],
    ["*;q=0", false],
    ["gzip;q=0", false],
    ["gzip;q=0.000", false],
    ["gzip; q=0.001", true],
    ["gzip ; Q=1.0", true],
    ["*, gzip;q=0", false],
    ["gzip;q=0, *", false],
    ["*;q=0, gzip", true],
    ["br;q=1, *;q=0.1", true],
    ["gzip;q=high", false],
    ["gzip;q=", false],
    ["gzip;q=-1", false],
    ["gzip, gzip;q=0", false],
    ["gzip;q=0, gzip", false],
  ])("reads %j as %s", (header, accepted) => {
    expect(acceptsGzip(header)).toBe(accepted);
  });
});
