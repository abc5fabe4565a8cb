import { describe, expect, it } from "vitest";
import { createAdmin } from "../../test/support/admin-api.ts";
import { covers } from "../../test/support/control.ts";

const token = "a-token-of-some-length";

async function statusOf(headers: Readonly<Record<string, string>>, given?: string) {
  const { ask } = createAdmin({ access: { token: given } });
  const { body, status } = await ask("GET /services", { headers });
  return [status, body.message];
}

describe("an admin API with a token", () => {
  it.each([
    ["as Kong's tools send it", { "kong-admin-token": token }],
    ["as a bearer", { authorization: `Bearer ${token}` }],
    ["as a bearer in small letters", { authorization: `bearer ${token}` }],
    [
      "under a name, from a page",
      { "kong-admin-token": token, host: "gateway.example", origin: "http://other" },
    ],
  ])("is used with it: %s", async (_how, headers) => {
    expect((await statusOf(headers, token))[0]).toBe(200);
  });

  it("is refused without it, saying how it is sent", async () => {
    for (const headers of [{}, { authorization: `Basic ${token}` }, { authorization: "Bearer" }])
      expect(await statusOf(headers as Record<string, string>, token)).toEqual([
        401,
        "this admin API wants a token: send it as Kong-Admin-Token",
      ]);
  });

  it.each(["", "x", `${token}x`, token.slice(1), token.toUpperCase()])(
    "is refused with another: %s",
    async (other) => {
      expect((await statusOf({ "kong-admin-token": other }, token))[0]).toBe(401);
    },
  );

  it("wants it for every page, those that are not there too", async () => {
    const { ask } = createAdmin({ access: { token } });
    for (const line of [
      "GET /",
      "GET /status",
      "POST /reload",
      "POST /explain",
      "GET /nothing",
      "DELETE /services/x",
    ])
      expect((await ask(line)).status, line).toBe(401);
  });

  it("does not call back the token that was wrong", async () => {
    const { ask } = createAdmin({ access: { token } });
    const { text } = await ask("GET /", { headers: { "kong-admin-token": "guess-of-a-token" } });
    expect(text).not.toContain("guess");
    expect(text).not.toContain(token);
  });
});

describe("an admin API without a token, on this machine alone", () => {
  it.each(["127.0.0.1:8001", "localhost:8001", "LocalHost", "127.9.9.9", "[::1]:8001", "[::1]", ""])(
    "is asked as %s",
    async (host) => {
      expect((await statusOf({ host }))[0]).toBe(200);
    },
  );

  it.each([
    "evil.example",
    "evil.example:8001",
    "127.0.0.1.evil.example",
    "localhost.evil.example:80",
    "[evil]:1",
  ])("is not asked by a page that has pointed its name here: %s", async (host) => {
    const [status, message] = await statusOf({ host });
    expect(status).toBe(403);
    expect(message).toMatch(/is not asked as .*evil.*: use its address, or set a token/);
  });

  it.each(["http://evil.example", "https://127.0.0.1:8001", "http://127.0.0.1:9999", "null"])(
    "takes no form of a page of another origin: %s",
    async (origin) => {
      const { ask, world } = createAdmin();
      const { body, status } = await ask("POST /services", {
        body: "host=a.example",
        headers: { origin, "content-type": "application/x-www-form-urlencoded" },
      });
      expect([status, body.message]).toEqual([
        403,
        "the admin API takes no requests of web pages of other origins",
      ]);
      expect(world.control.entities.all()).toEqual([]);
    },
  );

  it("takes requests of its own pages", async () => {
    expect((await statusOf({ origin: "http://127.0.0.1:8001" }))[0]).toBe(200);
    expect((await statusOf({ host: "localhost:8001", origin: "http://localhost:8001" }))[0]).toBe(200);
  });
});

describe("secrets", () => {
  const keyOf = async (secrets: "on-request" | "never", headers: Record<string, string>) => {
    const { ask } = createAdmin({ access: { secrets } });
    await ask("PUT /consumers/ada", { body: {} });
    const made = await ask("POST /consumers/ada/key-auth", { body: { key: "my-key" }, headers });
    const list = await ask("GET /key-auths", { headers });
    expect(list.body.data[0].key).toBe(made.body.key);
    return made.body.key;
  };

  it("are shown to decK and to whoever asks for them", async () => {
    expect(await keyOf("on-request", { "sluice-secrets": "plain" })).toBe("my-key");
    expect(await keyOf("on-request", { "user-agent": "decK/1.65.0" })).toBe("my-key");
    expect(await keyOf("on-request", { "user-agent": "curl/8" })).toBe(covers.cover("my-key"));
    expect(await keyOf("on-request", { "user-agent": "not decK/1" })).toBe(covers.cover("my-key"));
  });

  it("are shown to nobody where that is the setting", async () => {
    for (const headers of [{ "sluice-secrets": "plain" }, { "user-agent": "decK/1.65.0" }])
      expect(await keyOf("never", headers as Record<string, string>)).toBe(covers.cover("my-key"));
  });
});

describe("who asks", () => {
  it("is on record by address, and that there was a token", async () => {
    for (const [given, actor] of [
      [undefined, "203.0.113.7"],
      [token, "token from 203.0.113.7"],
    ] as const) {
      const { ask } = createAdmin({ access: { token: given } });
      const headers = { "kong-admin-token": token };
      await ask("POST /services", { body: { host: "a" }, headers });
      const { data } = (await ask("GET /audit", { headers })).body;
      expect(data).toMatchObject([{ actor, source: "POST /services", version: 1 }]);
    }
  });
});
