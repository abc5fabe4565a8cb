import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createConsumer, createKeys } from "../../../test/support/consumers.ts";
import { createExchange, type ExchangeFacts } from "../../../test/support/exchange.ts";
import { createPluginServices } from "../../../test/support/fake-plugins.ts";
import { rejectionOf } from "../../../test/support/gateway-errors.ts";
import type { ConsumerIndex } from "../../consumers/consumer.ts";
import type { Exchange } from "../../http/exchange.ts";
import { forwardRequestHeaders } from "../../http/headers.ts";
import { keyAuthConfig } from "./config.ts";
import { keyAuth } from "./plugin.ts";

const alice = createConsumer("alice", { customId: "a-1", groups: [{ id: "g", name: "gold" }] });
const guest = createConsumer("guest");
const keys = createKeys([{ key: "sk-alice", consumer: alice }], [guest]);
const meta = { id: "plugin-1", instanceName: undefined };

type Config = Readonly<Record<string, unknown>>;

function make(config: Config = {}) {
  return keyAuth.create(keyAuthConfig.parse(config), createPluginServices(), meta);
}

/** The exchange after the plugin has seen it. */
async function admit(
  facts: ExchangeFacts,
  config: Config = {},
  consumers: ConsumerIndex = keys,
): Promise<Exchange> {
  const exchange = Object.assign(createExchange(facts), { consumers });
  expect(await make(config).access?.(exchange)).toBeUndefined();
  return exchange;
}

function refusal(facts: ExchangeFacts, config: Config = {}, consumers: ConsumerIndex = keys) {
  return rejectionOf(admit(facts, config, consumers));
}

const shown = { headers: { apikey: "sk-alice" } };

describe("key-auth", () => {
  it("finds out who calls, by any of the places of a key", async () => {
    for (const facts of [
      shown,
      { query: "apikey=sk-alice" },
      { headers: { authorization: "Bearer sk-alice" } },
    ]) {
      const exchange = await admit(facts);
      expect(exchange.consumer).toBe(alice);
      expect(exchange.credential).toEqual({ id: "credential-0" });
    }
  });

  it("says 401 and how to ask, in Kong's words", async () => {
    const none = await refusal({});
    expect([none.status, none.message, none.challenge]).toEqual([401, "No API key found in request", "Key"]);
    const wrong = await refusal({ headers: { apikey: "sk-bob" } });
    expect([wrong.status, wrong.message, wrong.challenge]).toEqual([401, "Unauthorized", "Key"]);
    const twice = await refusal({ query: "apikey=sk-alice&apikey=sk-alice" }, { realm: 'my "realm"\\' });
    expect([twice.status, twice.message]).toEqual([401, "Duplicate API key found"]);
    expect(twice.challenge).toBe('Key realm="my \\"realm\\"\\\\"');
    expect(JSON.parse(wrong.toBody("i"))).toEqual({ message: "Unauthorized", request_id: "i" });
  });

  it("knows a key no longer once its time is over", async () => {
    const { wallClock } = createPluginServices();
    const until = (expiresAtMs: number) => createKeys([{ key: "sk-alice", consumer: alice, expiresAtMs }]);
    expect((await admit(shown, {}, until(wallClock() + 1))).consumer).toBe(alice);
    expect((await refusal(shown, {}, until(wallClock()))).message).toBe("Unauthorized");
  });

  it("lets preflights pass where it is told to, without believing what they say of themselves", async () => {
    const preflight = { method: "OPTIONS", headers: { "x-consumer-username": "admin" } };
    expect((await refusal(preflight)).code).toBe("no_api_key");
    const exchange = await admit(preflight, { run_on_preflight: false });
    expect(exchange.consumer).toBeUndefined();
    expect(exchange.onward.toService.headers).not.toHaveProperty("x-consumer-username");
    expect((await refusal({ ...preflight, method: "GET" }, { run_on_preflight: false })).status).toBe(401);
  });

  it("knows any set of keys, and nobody by any other text", async () => {
    const text = fc.stringMatching(/^[!-~]{1,40}$/);
    const places = fc.constantFrom<(key: string) => ExchangeFacts>(
      (key) => ({ headers: { apikey: key } }),
      (key) => ({ headers: { authorization: `Bearer ${key}` } }),
      (key) => ({ query: new URLSearchParams({ apikey: key }).toString() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(text, { minLength: 1 }), text, places, async (known, other, place) => {
        const index = createKeys(known.map((key, at) => ({ key, consumer: createConsumer(`c${at}`) })));
        for (const [at, key] of known.entries())
          expect((await admit(place(key), {}, index)).consumer?.username).toBe(`c${at}`);
        if (!known.includes(other))
          expect((await refusal(place(other), {}, index)).code).toBe("unauthorized");
      }),
      { numRuns: 50 },
    );
  });

  it("refuses by name what it cannot do, and settings by which nobody could come in", () => {
    const findings = (config: Config) =>
      (keyAuth.check?.(keyAuthConfig.parse(config)) ?? []).map(
        ({ path, severity }) => `${severity} ${path.join(".")}`,
      );
    expect(findings({})).toEqual([]);
    expect(findings({ principals: { enabled: true } })).toEqual(["error principals.enabled"]);
    expect(findings({ principals: { enabled: false } })).toEqual([]);
    expect(findings({ key_names: [], key_in_bearer: false })).toEqual(["error key_names"]);
    expect(findings({ key_in_header: false, key_in_query: false, key_in_bearer: false })).toHaveLength(1);
    expect(findings({ key_names: [] })).toEqual([]);
    expect(findings({ realm: "a\r\nX: y" })).toEqual(["error realm"]);
    expect(keyAuthConfig.safeParse({ key_names: ["api key"] }).success).toBe(false);
  });

  it("says where it looks, and no more", () => {
    expect(make({ key_names: ["a", "b"], key_in_body: true, anonymous: "guest" }).describe?.()).toEqual([
      "keys in header, query, body under a, b; Authorization: Bearer",
      "everybody else is taken for guest",
    ]);
    expect(make({ key_in_header: false, key_in_query: false }).describe?.()).toEqual([
      "keys in Authorization: Bearer",
    ]);
  });
});

describe("an anonymous consumer", () => {
  const config = { anonymous: "guest" };

  it("is who shows no good key, whatever is wrong with it", async () => {
    for (const facts of [{}, { headers: { apikey: "sk-bob" } }, { query: "apikey=a&apikey=b" }]) {
      const exchange = await admit(facts, config);
      expect(exchange.consumer).toBe(guest);
      expect(exchange.credential).toBeUndefined();
      const { headers } = exchange.onward.toService;
      expect(headers).toMatchObject({ "x-consumer-username": "guest", "x-anonymous-consumer": "true" });
      expect(headers).not.toHaveProperty("x-credential-identifier");
      expect(headers).not.toHaveProperty("apikey");
    }
    expect((await admit({}, { anonymous: guest.id })).consumer).toBe(guest);
  });

  it("keeps a token that is no key of ours, which is for the upstream", async () => {
    const exchange = await admit({ headers: { authorization: "Bearer sk-of-the-vendor" } }, config);
    expect(exchange.onward.toVendor.headers["authorization"]).toBe("Bearer sk-of-the-vendor");
  });

  it("makes of several plugins several ways in, of which one is enough", async () => {
    const other = { key: "sk-other", consumer: createConsumer("bob") };
    const exchange = await admit(shown);
    const before = exchange.onward;
    exchange.consumers = createKeys([other], [guest]);
    expect(await make(config).access?.(exchange)).toBeUndefined();
    expect(exchange.consumer).toBe(alice);
    expect(exchange.onward).toBe(before);

    const second = await admit({ headers: { "x-second": "sk-alice" } }, config);
    expect(second.consumer).toBe(guest);
    await make({ ...config, key_names: ["x-second"] }).access?.(second);
    expect(second.consumer).toBe(alice);
    expect(second.onward.toService.headers).not.toHaveProperty("x-anonymous-consumer");
    expect(second.onward.toService.headers).not.toHaveProperty("x-second");
  });
});

describe("the request as it goes on", () => {
  it("says who calls, and nothing of what the client said of itself", async () => {
    const lies = {
      "x-consumer-id": "1",
      "x-consumer-username": "admin",
      "x-consumer-groups": "admins",
      "x-credential-identifier": "2",
      "x-anonymous-consumer": "true",
      x_consumer_username: "admin",
      "x-consumption": "kept",
    };
    const { onward, request } = await admit({ headers: { ...lies, ...shown.headers } });
    const { host, "content-type": _type, "content-length": _length, ...rest } = onward.toService.headers;
    expect(host).toBe("gateway.example");
    expect(rest).toEqual({
      "x-consumption": "kept",
      "x-consumer-id": "id-alice",
      "x-consumer-custom-id": "a-1",
      "x-consumer-username": "alice",
      "x-credential-identifier": "credential-0",
    });
    expect(request.headers).toMatchObject(lies);
  });

  it.each([
    ["close, X-Consumer-Username,x-credential-identifier , x-mine", "close, x-mine"],
    ["x-consumer-id", ""],
    ["keep-alive", "keep-alive"],
  ])("cannot be kept from saying it by Connection: %s", async (connection, expected) => {
    const { onward } = await admit({ headers: { ...shown.headers, connection } });
    expect(onward.toService.headers["connection"]).toBe(expected);
    const sent = forwardRequestHeaders(onward.toService, { preserveHost: false, upstreamHost: "h" });
    expect(sent).toMatchObject({ "x-consumer-username": "alice", "x-consumer-id": "id-alice" });
  });

  it("tells names of any letters as UTF-8", async () => {
    const zoe = createConsumer("Zoë 雪");
    const { onward } = await admit(shown, {}, createKeys([{ key: "sk-alice", consumer: zoe }]));
    const told = String(onward.toService.headers["x-consumer-username"]);
    expect(Buffer.from(told, "latin1").toString("utf8")).toBe("Zoë 雪");
  });

  it("has no key any more, under any of the names, and every other byte", async () => {
    const { onward } = await admit(
      {
        headers: { apikey: "sk-alice", "x-key": "sk-alice", authorization: "Bearer sk-alice", accept: "a" },
        query: "a=%20b+&apikey=sk-alice&flag&X-Key=sk-alice",
      },
      { key_names: ["apikey", "X-Key"] },
    );
    for (const request of [onward.toService, onward.toVendor]) {
      expect(JSON.stringify([request.headers, request.query])).not.toContain("sk-alice");
      expect(request.query).toBe("a=%20b+&flag");
      expect(request.headers["accept"]).toBe("a");
    }
  });

  it("keeps the key for the service where it is told to, and never for a vendor", async () => {
    const facts = {
      headers: { apikey: "sk-alice", authorization: "Bearer sk-alice" },
      query: "apikey=sk-alice",
    };
    const { onward } = await admit({ headers: facts.headers }, { hide_credentials: false });
    expect(onward.toService.headers).toMatchObject(facts.headers);
    expect(onward.toService.headers["x-consumer-username"]).toBe("alice");
    expect(JSON.stringify(onward.toVendor.headers)).not.toContain("sk-alice");
    const inQuery = await admit({ query: facts.query }, { hide_credentials: false });
    expect(inQuery.onward.toService.query).toBe("apikey=sk-alice");
    expect(inQuery.onward.toVendor.query).toBe("");
  });

  it("keeps a token that is not the key", async () => {
    const { onward } = await admit({
      headers: { apikey: "sk-alice", authorization: "Bearer of-the-vendor" },
    });
    expect(onward.toVendor.headers["authorization"]).toBe("Bearer of-the-vendor");
  });
});

describe("a key in the body", () => {
  const config = { key_in_body: true };

  it("is found, and taken out of the one copy that everybody reads", async () => {
    const { consumer, onward } = await admit({ body: { apikey: "sk-alice", messages: ["ü"] } }, config);
    expect(consumer).toBe(alice);
    expect(onward.toService.bytes?.toString()).toBe('{"messages":["ü"]}');
    expect(onward.toService.headers["content-length"]).toBe("19");
    expect(onward.toVendor.bytes).toBe(onward.toService.bytes);
  });

  it("stays for the service where it is told to", async () => {
    const body = '{ "apikey": "sk-alice" }';
    const { onward } = await admit({ body }, { ...config, hide_credentials: false });
    expect(onward.toService.bytes?.toString()).toBe(body);
    expect(onward.toVendor.bytes?.toString()).toBe("{}");
  });

  it("is not looked for without being told to, nor in other types, whose bodies nobody touches", async () => {
    const body = { apikey: "sk-alice" };
    expect((await refusal({ body })).code).toBe("no_api_key");
    const facts = { body, headers: { "content-type": "text/plain", apikey: "sk-alice" } };
    const { onward, request } = await admit(facts, config);
    expect(onward.toService.bytes).toBeUndefined();
    expect(request.body.readableFlowing).toBeNull();
  });

  it("is looked for in bodies up to a size", async () => {
    const body = { apikey: "sk-alice", text: "x".repeat(100) };
    const error = await refusal({ body }, { ...config, max_request_body_size: 50 });
    expect([error.status, error.code]).toEqual([413, "body_too_large"]);
  });

  it("leaves a body without one byte by byte, for whoever is known otherwise", async () => {
    const { onward } = await admit({ ...shown, body: "not JSON at all" }, config);
    expect(onward.toService.bytes?.toString()).toBe("not JSON at all");
  });
});
