import { describe, expect, it } from "vitest";
import { checkRedis, redisOptions } from "./options.ts";
import { settingsOf } from "./settings.ts";

const settings = (options: object) => settingsOf(redisOptions.parse(options), "{x}:");

describe("settings of a redis connection", () => {
  it("bounds a call by all three timeouts", () => {
    expect(settings({ connect_timeout: 100, send_timeout: 20, read_timeout: 3 })).toMatchObject({
      connectMs: 100,
      exchangeMs: 23,
      callMs: 123,
    });
  });

  it("takes 0 for nginx's minute", () => {
    expect(settings({ connect_timeout: 0, send_timeout: 0, read_timeout: 1000 })).toMatchObject({
      connectMs: 60_000,
      exchangeMs: 61_000,
      callMs: 121_000,
    });
  });

  it("bounds calls only where there is a backlog", () => {
    expect(settings({}).maxCalls).toBe(Number.POSITIVE_INFINITY);
    expect(settings({ keepalive_pool_size: 4, keepalive_backlog: 0 }).maxCalls).toBe(4);
  });

  it("signs in only with a password", () => {
    expect(settings({ username: "u" }).credentials).toBeUndefined();
    expect(settings({ password: "p" }).credentials).toEqual({ password: "p" });
    expect(settings({ username: "u", password: "p" }).credentials).toEqual({ username: "u", password: "p" });
  });

  it("names the place without credentials", () => {
    const secrets = { username: "user-x", password: "secret-x", sentinel_password: "secret-x" };
    expect(settings({ ...secrets, host: "::1" }).place).toBe("redis at [::1]:6379");
    expect(settings({ ...secrets, cluster_nodes: [{ ip: "a" }, { ip: "b", port: 7 }] }).place).toBe(
      "redis cluster at a:6379, b:7",
    );
    const sentinel = {
      sentinel_master: "m",
      sentinel_role: "slave",
      sentinel_nodes: [{ host: "s", port: 1 }],
    };
    expect(settings({ ...secrets, ...sentinel }).place).toBe('redis master "m" of the sentinels at s:1');
  });

  it("speaks TLS only when told, and verifies unless told not to", () => {
    expect(settings({ server_name: "x" }).tls).toBeUndefined();
    expect(settings({ ssl: true, server_name: "x" }).tls).toEqual({ isVerified: true, serverName: "x" });
    expect(settings({ ssl: true, ssl_verify: false }).tls).toEqual({
      isVerified: false,
      serverName: undefined,
    });
  });
});

describe("what a redis block may not ask for", () => {
  const cloud = { cloud_authentication: { auth_provider: "aws", aws_region: "eu-west-1" } };

  it("refuses to sign in with a cloud's identity, which does not work yet", () => {
    const faults = checkRedis(redisOptions.parse(cloud));
    expect(faults).toEqual([
      {
        path: ["redis", "cloud_authentication"],
        message: expect.stringMatching(/^is not supported yet: use username and password/),
      },
    ]);
  });

  it("minds the block no more than an export's defaults", () => {
    expect(checkRedis(redisOptions.parse({ cloud_authentication: { aws_is_serverless: true } }))).toEqual([]);
  });
});
