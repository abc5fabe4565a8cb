import { describe, expect, it } from "vitest";
import { withListenAdvice } from "./listen-advice.ts";

const settings = {
  proxyListen: { host: "0.0.0.0", port: 8000 },
  proxyListenSsl: undefined,
  adminListen: { host: "localhost", port: 8001 },
  statusListen: { host: "nowhere.invalid", port: 8100 },
};

function failure(facts: Readonly<Record<string, unknown>>): Error {
  return new Error("cannot listen", { cause: Object.assign(new Error("listen"), facts) });
}

function advice(facts: Readonly<Record<string, unknown>>): string {
  return String(withListenAdvice(failure(facts), settings));
}

describe("the advice where a listener cannot have its address", () => {
  it("names the setting of a port that is taken, and says to end what has it", () => {
    expect(advice({ syscall: "listen", code: "EADDRINUSE", address: "0.0.0.0", port: 8000 })).toBe(
      "Error: cannot listen: end what listens there, or choose another address with --proxy-listen (SLUICE_PROXY_LISTEN)",
    );
  });

  it("finds by its port the setting whose name was looked up", () => {
    expect(advice({ syscall: "listen", code: "EADDRINUSE", address: "127.0.0.1", port: 8001 })).toContain(
      "--admin-listen (SLUICE_ADMIN_LISTEN)",
    );
  });

  it("names the setting of a host that cannot be found, with nothing to end", () => {
    expect(advice({ syscall: "getaddrinfo", code: "ENOTFOUND", hostname: "nowhere.invalid" })).toBe(
      "Error: cannot listen: choose another address with --status-listen (SLUICE_STATUS_LISTEN)",
    );
  });

  it("leaves every other error as it is", () => {
    const others = [
      "text",
      new Error("other"),
      failure({ syscall: "connect", address: "0.0.0.0", port: 8000 }),
      failure({ syscall: "listen", address: "0.0.0.0", port: 9999 }),
      failure({ syscall: "getaddrinfo", code: "ENOTFOUND", hostname: "database.invalid" }),
    ];
    for (const other of others) expect(withListenAdvice(other, settings)).toBe(other);
  });
});
