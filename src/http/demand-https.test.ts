import { describe, expect, it } from "vitest";
import { createExchange } from "../../test/support/exchange.ts";
import { GatewayError } from "../errors.ts";
import { demandHttps } from "./demand-https.ts";
import { errorReply } from "./listener.ts";

function demand(status: number, host: string, facts: { path?: string; query?: string } = {}) {
  const { request } = createExchange({ headers: { host }, path: "/a/b", ...facts });
  return demandHttps(request, status);
}

function refusal(status: number, host: string, path = "/") {
  try {
    return demand(status, host, { path });
  } catch (error) {
    return error instanceof GatewayError ? errorReply(error, "id-1") : error;
  }
}

describe("demandHttps", () => {
  it.each([
    ["a.example", "https://a.example/a/b"],
    ["A.Example:8000", "https://A.Example/a/b"],
    ["[::1]:8000", "https://[::1]/a/b"],
    ["127.0.0.1", "https://127.0.0.1/a/b"],
  ])("sends a client of %s to %s", (host, location) => {
    for (const status of [301, 302, 307, 308])
      expect(demand(status, host)).toEqual({ status, headers: { location }, body: undefined });
    expect(demand(301, host, { query: "x=1" }).headers).toEqual({ location: `${location}?x=1` });
  });

  it("believes a proxy of ours about the host, and nobody else", () => {
    const headers = { host: "gateway.internal", "x-forwarded-host": "a.example:80" };
    const { request } = createExchange({ headers, path: "/a" });
    expect(demandHttps(request, 301).headers).toEqual({ location: "https://gateway.internal/a" });
    const behind = { ...request, isTrusted: true };
    expect(demandHttps(behind, 301).headers).toEqual({ location: "https://a.example/a" });
    const several = { ...behind, headers: { ...headers, "x-forwarded-host": "a.example, b.example" } };
    expect(() => demandHttps(several, 301)).toThrow("Please use HTTPS protocol");
  });

  it("asks for https in Kong's words with 426", () => {
    expect(refusal(426, "a.example")).toMatchObject({
      status: 426,
      headers: { connection: "Upgrade", upgrade: "TLS/1.2, HTTP/1.1" },
      body: '{"message":"Please use HTTPS protocol","request_id":"id-1"}',
    });
  });

  it.each([
    ["", "/"],
    ["user@evil.example", "/"],
    ["a.example/b", "/"],
    ["a.example\\b", "/"],
    ["a.example", "*"],
  ])("does so too where %j with the path %s says no place", (host, path) => {
    expect(refusal(308, host, path)).toMatchObject({ status: 426 });
  });
});
