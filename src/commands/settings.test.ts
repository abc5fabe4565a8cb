import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readSettings, SettingError, settingTable } from "./settings.ts";

const read = (
  flags: Record<string, string | boolean> = {},
  env: Record<string, string> = {},
  isTerminal = false,
) => readSettings(flags, env, isTerminal);

describe("the settings of the process", () => {
  it("have the documented defaults", () => {
    expect(read()).toEqual({
      proxyListen: { host: "0.0.0.0", port: 8000 },
      proxyListenSsl: undefined,
      sslCert: undefined,
      trustedIps: [],
      adminListen: { host: "127.0.0.1", port: 8001 },
      dashboardListen: undefined,
      adminToken: undefined,
      adminSecrets: "on-request",
      database: { strategy: "sqlite", sqlite: { timeout: 5000 } },
      statusListen: { host: "127.0.0.1", port: 8100 },
      logLevel: "info",
      pretty: false,
      prefix: ".sluice",
      workers: 1,
      ledger: expect.objectContaining({ strategy: "sqlite", retention_days: 90, log_payloads: false }),
      stopTimeoutMs: 30_000,
    });
  });

  it("come from the flag, else from the environment, else from the default", () => {
    expect(read({ "log-level": "debug" }, { SLUICE_LOG_LEVEL: "error" }).logLevel).toBe("debug");
    expect(read({}, { SLUICE_LOG_LEVEL: "error" }).logLevel).toBe("error");
    expect(read({}, { SLUICE_LOG_LEVEL: "" }).logLevel).toBe("info");
    expect(read({ prefix: "/x" }).prefix).toBe("/x");
    expect(read({ prefix: true }, { SLUICE_PREFIX: "/y" }).prefix).toBe("/y");
  });

  it("have an environment variable for every flag", () => {
    for (const { flag, env, help } of settingTable) {
      expect(env).toBe(`SLUICE_${flag.toUpperCase().replaceAll("-", "_")}`);
      expect(help).not.toBe("");
    }
  });

  it("take a certificate with its key, or neither", () => {
    const files = { "ssl-cert": "a.crt", "ssl-cert-key": "a.key" };
    expect(read(files).sslCert).toEqual({ cert: "a.crt", key: "a.key" });
    expect(() => read({ "ssl-cert": "a.crt" })).toThrow(/^--ssl-cert: .* set --ssl-cert-key too/);
    expect(() => read({}, { SLUICE_SSL_CERT_KEY: "a.key" })).toThrow(
      /^SLUICE_SSL_CERT_KEY: .* set --ssl-cert too/,
    );
    expect(read({ "proxy-listen-ssl": "0.0.0.0:8443" }).proxyListenSsl).toEqual({
      host: "0.0.0.0",
      port: 8443,
    });
  });

  it("take addresses and ranges of proxies, and nothing else", () => {
    expect(read({ "trusted-ips": "10.0.0.0/8, ::1" }).trustedIps).toEqual(["10.0.0.0/8", "::1"]);
    expect(() => read({}, { SLUICE_TRUSTED_IPS: "10.0.0.0/8,lb.internal" })).toThrow(
      /^SLUICE_TRUSTED_IPS: "lb\.internal" is no IP address/,
    );
  });

  it.each([
    ["8000", { host: "127.0.0.1", port: 8000 }],
    ["0.0.0.0:0", { host: "0.0.0.0", port: 0 }],
    ["localhost:65535", { host: "localhost", port: 65_535 }],
    ["[::1]:8000", { host: "::1", port: 8000 }],
  ])("read %s as an address", (text, expected) => {
    expect(read({ "proxy-listen": text }).proxyListen).toEqual(expected);
  });

  it.each([
    "",
    "off",
    ":8000",
    "host:",
    "host:65536",
    "host:80x",
    "http://host:80",
    "::1:8000",
    "a b:1",
    "[zz]:1",
    "1.2.3.4",
  ])("refuse %j as the address for clients, and say where it stood and what would do", (text) => {
    expect(() => read({ "proxy-listen": text })).toThrow(SettingError);
    expect(() => read({ "proxy-listen": text })).toThrow(/^--proxy-listen: .*host:port/);
  });

  it("name the environment variable that was wrong", () => {
    expect(() => read({}, { SLUICE_STATUS_LISTEN: "nowhere" })).toThrow(/^SLUICE_STATUS_LISTEN: "nowhere"/);
    expect(() => read({}, { SLUICE_LOG_LEVEL: "loud" })).toThrow(
      'SLUICE_LOG_LEVEL: "loud" is not one of debug, info, warn, error',
    );
  });

  it("can switch the lesser listeners off", () => {
    const settings = read({ "admin-listen": "off", "status-listen": "off" });
    expect([settings.adminListen, settings.statusListen]).toEqual([undefined, undefined]);
  });

  it.each(["127.0.0.1:1", "127.1.2.3:1", "localhost:1", "[::1]:1", "8001"])(
    "let the admin API listen on %s",
    (text) => {
      expect(read({ "admin-listen": text }).adminListen).toBeDefined();
    },
  );

  it.each([
    "0.0.0.0:8001",
    "[::]:8001",
    "10.0.0.1:8001",
    "example.org:8001",
    "127.0.0.1.evil.org:8001",
    "1270.0.0.1:1",
  ])("do not let the admin API listen on %s without a token", (text) => {
    expect(() => read({ "admin-listen": text })).toThrow(/^--admin-listen: .*loopback/);
    const token = "0123456789abcdef";
    expect(read({ "admin-listen": text }, { SLUICE_ADMIN_TOKEN: token })).toMatchObject({
      adminToken: token,
    });
  });

  it.each(["short", "with a space in it", "sixteen-chars-ü"])("take no such token: %s", (text) => {
    const error = (() => {
      try {
        return read({ "admin-token": text });
      } catch (reason) {
        return reason;
      }
    })();
    expect(String(error)).toMatch(/--admin-token: the token must be at least 16 visible ASCII characters/);
    expect(String(error)).not.toContain(text);
  });

  it("choose the log's form by the terminal unless told", () => {
    expect(read({}, {}, true).pretty).toBe(true);
    expect(read({ "log-format": "json" }, {}, true).pretty).toBe(false);
    expect(read({ "log-format": "pretty" }, {}, false).pretty).toBe(true);
    expect(() => read({ "log-format": "xml" })).toThrow(
      '--log-format: "xml" is not one of auto, json, pretty',
    );
  });

  it.each(["-1", "1.5", "10s", "", "1e3", "9999999999"])("refuse %j as a number of milliseconds", (text) => {
    expect(() => read({ "stop-timeout": text })).toThrow(/^--stop-timeout: .*milliseconds/);
  });

  it("take a number of workers, or one for each core", () => {
    expect(read({ workers: "8" }).workers).toBe(8);
    expect(read({}, { SLUICE_WORKERS: "auto" }).workers).toBe("auto");
    expect(read({ workers: "512" }).workers).toBe(512);
  });

  it.each(["0", "-1", "1.5", "", "two", "513", "1e2", " 2", "AUTO"])(
    "refuse %j as a number of workers",
    (text) => {
      expect(() => read({ workers: text })).toThrow(/^--workers: .*1 to 512, or auto/);
    },
  );

  it("throw nothing but setting errors, whatever is given", () => {
    const flag = fc.constantFrom(...settingTable.map((row) => row.flag));
    fc.assert(
      fc.property(fc.dictionary(flag, fc.oneof(fc.string(), fc.boolean())), (flags) => {
        try {
          read(flags);
        } catch (error) {
          expect(error).toBeInstanceOf(SettingError);
        }
      }),
    );
  });
});
