/** Who calls: keys at the door, what goes on to upstreams, plugins for single callers, and no key in anything that is told. */
import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import OpenAI from "openai";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Call, type Stack, startStack } from "../support/gateway.ts";
import { type ConfigObject, chatUrl, openaiTarget, targetKey } from "../support/gateway-config.ts";
import { bodyOf, startUpstream, type Upstream } from "../support/http-upstream.ts";

const aliceKey = "sk-alice-6f1c";
const bobKey = "sk-bob-93ab";

const consumers = [
  {
    username: "alice",
    custom_id: "a-1",
    groups: [{ name: "gold" }],
    keyauth_credentials: [{ key: aliceKey }],
  },
  { username: "bob", keyauth_credentials: [{ key: bobKey }] },
  { username: "guest" },
];

const messages = [{ role: "user" as const, content: "What is a list?" }];

/** What the service saw of a request. */
interface Echo {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const echo: RequestListener = async (incoming, response) => {
  const body = (await bodyOf(incoming)).toString();
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ url: incoming.url, headers: incoming.headers, body }));
};

describe("key-auth before a service", () => {
  let upstream: Upstream;
  let stack: Stack;

  beforeAll(async () => {
    upstream = await startUpstream(echo);
    const route = (name: string, config?: ConfigObject) => ({
      name,
      paths: [`/${name}`],
      ...(config !== undefined && { plugins: [{ name: "key-auth", config }] }),
    });
    stack = await startStack({
      config: {
        _format_version: "3.0",
        services: [
          {
            name: "own",
            url: upstream.url,
            routes: [
              route("open"),
              route("closed", { realm: "here" }),
              route("shown", { hide_credentials: false }),
              route("body", { key_in_body: true, max_request_body_size: 1000 }),
              route("guests", { anonymous: "guest" }),
              route("browsers", { run_on_preflight: false }),
              route("named", { key_names: ["X-Team"], key_in_bearer: false }),
            ],
          },
        ],
        consumers,
        consumer_groups: [{ name: "gold" }],
      },
    });
  });
  afterAll(async () => {
    await stack.close();
    await upstream.close();
  });

  const seen = async (call: Call) => {
    const answer = await stack.send({ method: "GET", ...call });
    expect(answer.status, answer.text).toBe(200);
    return answer.json() as unknown as Echo; // made by the upstream above
  };

  it.each([
    ["no key", {}, "No API key found in request"],
    ["an unknown key", { headers: { apikey: "sk-nobody" } }, "Unauthorized"],
    ["an unknown token", { headers: { authorization: "Bearer sk-nobody" } }, "Unauthorized"],
    ["two keys", { path: "/closed?apikey=a&apikey=b" }, "Duplicate API key found"],
  ])("answers %s with 401, in Kong's words and shape", async (_, call, message) => {
    const answer = await stack.send({ path: "/closed", method: "GET", ...call });
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe('Key realm="here"');
    expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
    expect(answer.json()).toEqual({ message, request_id: answer.headers["x-kong-request-id"] });
    const record = await answer.record();
    expect(record).toMatchObject({ source: "kong", error: message, response: { status: 401 } });
    expect(record).not.toHaveProperty("consumer.id");
    expect(record.tries).toEqual([]);
  });

  it("says to the service who calls, and keeps the key", async () => {
    const { headers, url } = await seen({
      path: "/closed/a?b=1&apikey=not-looked-at",
      headers: { apikey: aliceKey, authorization: `Bearer ${aliceKey}`, "x-consumer-username": "root" },
    });
    expect(url).toBe("/a?b=1");
    expect(headers).toMatchObject({ "x-consumer-username": "alice", "x-consumer-custom-id": "a-1" });
    expect(headers["x-consumer-id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers["x-credential-identifier"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.stringify(headers)).not.toContain(aliceKey);
  });

  it("keeps nothing where it is told to show credentials", async () => {
    const { headers, url } = await seen({ path: `/shown?apikey=${bobKey}` });
    expect(url).toBe(`/?apikey=${bobKey}`);
    expect(headers["x-consumer-username"]).toBe("bob");
  });

  it("takes everybody else for the anonymous consumer", async () => {
    const { headers } = await seen({ path: "/guests", headers: { authorization: "Bearer of-the-service" } });
    expect(headers).toMatchObject({
      "x-consumer-username": "guest",
      "x-anonymous-consumer": "true",
      authorization: "Bearer of-the-service",
    });
    expect((await seen({ path: "/guests", headers: { apikey: bobKey } })).headers).toMatchObject({
      "x-consumer-username": "bob",
    });
  });

  it("lets browsers ask before they call", async () => {
    await seen({ path: "/browsers", method: "OPTIONS" });
    expect((await stack.send({ path: "/browsers", method: "GET" })).status).toBe(401);
    expect((await stack.send({ path: "/closed", method: "OPTIONS" })).status).toBe(401);
  });

  it("leaves routes alone that have no plugin", async () => {
    const { headers } = await seen({ path: "/open", headers: { apikey: "x", "x-consumer-username": "me" } });
    expect(headers).toMatchObject({ apikey: "x", "x-consumer-username": "me" });
  });

  describe("in the body", () => {
    it("finds the key and sends the body on without it, whole and with its length", async () => {
      const text = "ü".repeat(100);
      const { body, headers } = await seen({
        path: "/body",
        method: "POST",
        body: { apikey: aliceKey, text },
      });
      expect(JSON.parse(body)).toEqual({ text });
      expect(headers["content-length"]).toBe(String(Buffer.byteLength(body)));
      expect(headers["x-consumer-username"]).toBe("alice");
    });

    it("finds it in forms", async () => {
      const form = { "content-type": "application/x-www-form-urlencoded" };
      const call = { path: "/body", method: "POST", headers: form, body: `a=%20&apikey=${bobKey}&b=` };
      expect((await seen(call)).body).toBe("a=%20&b=");
    });

    it("reads no more than it may, and of other types nothing", async () => {
      const large = { path: "/body", method: "POST", headers: { apikey: bobKey } };
      expect((await stack.send({ ...large, body: { text: "x".repeat(2000) } })).status).toBe(413);
      const bytes = Buffer.alloc(300_000, 7);
      const plain = { ...large.headers, "content-type": "application/octet-stream" };
      expect((await seen({ ...large, headers: plain, body: bytes })).body).toHaveLength(300_000);
    });
  });

  it("writes down who called, and no key, whatever it is called", async () => {
    const answer = await stack.send({ path: `/named?X-Team=${bobKey}`, method: "GET" });
    const record = await answer.record();
    expect(record.consumer).toEqual({ id: expect.any(String), username: "bob", custom_id: undefined });
    expect(record.authenticated_entity).toEqual({ id: expect.any(String) });
    const lost = await stack.send({ path: `/nowhere?x-team=${bobKey}`, headers: { "x-team": bobKey } });
    expect(lost.status).toBe(404);
    expect(JSON.stringify([record, await lost.record()])).not.toContain(bobKey);
    expect(stack.metrics()).toMatch(/^kong_http_requests_total\{.*route="named".*consumer="bob"\} 1$/m);
  });

  it("tells no key to anybody", () => {
    const told = JSON.stringify([stack.records, stack.log, stack.metrics(), stack.gateway.snapshot.plugins]);
    for (const key of [aliceKey, bobKey, "sk-nobody"]) expect(told).not.toContain(key);
  });
});

describe("key-auth before models", () => {
  let stack: Stack;

  const target = (url: string, model: string, more: ConfigObject = {}) => ({
    ...openaiTarget(chatUrl(url), { model }),
    ...more,
  });
  const override = {
    auth: { header_name: "Authorization", header_value: `Bearer ${targetKey}`, allow_override: true },
  };
  const proxy = (targets: readonly ConfigObject[], more: ConfigObject = {}) => ({
    name: "ai-proxy-advanced",
    config: { targets },
    ...more,
  });
  const config = (url: string) => ({
    _format_version: "3.0",
    routes: [
      { name: "v1", paths: ["/v1/chat/completions"] },
      { name: "override", paths: ["/override"], plugins: [proxy([target(url, "m", override)])] },
      { name: "bare", paths: ["/bare"], plugins: [proxy([target(url, "m", { auth: {} })])] },
    ],
    consumers,
    consumer_groups: [{ name: "gold", plugins: [proxy([target(url, "gpt-4o")], { route: "v1" })] }],
    plugins: [
      { name: "key-auth", config: { key_in_body: true, hide_credentials: false } },
      proxy([target(url, "gpt-4o-mini")], { route: "v1" }),
      proxy([target(url, "gpt-guest")], { route: "v1", consumer: "guest" }),
    ],
  });

  beforeAll(async () => {
    stack = await startStack({ config });
  });
  beforeEach(() => stack.simulator.reset());
  afterAll(() => stack.close());

  const openai = (apiKey: string) => new OpenAI({ baseURL: `${stack.url}/v1`, apiKey, maxRetries: 0 });
  const received = () => JSON.stringify(stack.simulator.received().at(-1));

  it.each([
    ["alice", aliceKey, "gpt-4o"],
    ["bob", bobKey, "gpt-4o-mini"],
  ])(
    "the OpenAI SDK is known as %s and gets that consumer's model, streams too",
    async (username, apiKey, model) => {
      const asking = { model: "auto", messages };
      const { data, response } = await openai(apiKey).chat.completions.create(asking).withResponse();
      expect(data.model).toBe(model);
      const record = await stack.recordOf(String(response.headers.get("x-kong-request-id")));
      expect(record.consumer).toMatchObject({ username });
      const stream = await openai(apiKey).chat.completions.create({ ...asking, stream: true });
      const models = new Set<string>();
      for await (const chunk of stream) models.add(chunk.model);
      expect([...models]).toEqual([model]);
      expect(received()).not.toContain(apiKey);
      expect(stack.metrics()).toMatch(
        new RegExp(`^kong_ai_llm_requests_total\\{.*ai_model="${model}".*consumer="${username}"`, "m"),
      );
    },
  );

  it("the OpenAI SDK sees a wrong key as its own class for it", async () => {
    const asking = openai("sk-nobody").chat.completions.create({ model: "auto", messages });
    await expect(asking).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
    expect(stack.simulator.received()).toEqual([]);
  });

  it("a key never gets to a vendor, whatever the settings say", async () => {
    for (const path of ["/v1/chat/completions", "/override", "/bare"]) {
      for (const call of [
        { headers: { authorization: `Bearer ${aliceKey}` } },
        { headers: { apikey: aliceKey } },
        { path: `${path}?apikey=${aliceKey}` },
        { body: { messages, apikey: aliceKey } },
      ]) {
        stack.simulator.reset();
        const answer = await stack.send({ path, body: { messages }, ...call });
        expect(answer.status, `${path} ${JSON.stringify(call)} ${answer.text}`).toBe(200);
        expect(received()).toContain("What is a list?");
        expect(received()).not.toContain(aliceKey);
        expect(received()).not.toContain("x-consumer");
      }
    }
  });

  it("a client's own key for the vendor gets there where the target lets it", async () => {
    const headers = { apikey: aliceKey, authorization: "Bearer sk-of-the-vendor" };
    for (const [path, expected] of [
      ["/override", "Bearer sk-of-the-vendor"],
      ["/bare", "Bearer sk-of-the-vendor"],
      ["/v1/chat/completions", `Bearer ${targetKey}`],
    ] as const) {
      expect((await stack.send({ path, headers, body: { messages } })).status).toBe(200);
      expect(stack.simulator.received().at(-1)?.headers["authorization"]).toBe(expected);
    }
  });

  it("a key that is taken out of the file is good no longer, and what it began goes on", async () => {
    const answering = stack.send({
      path: "/v1/chat/completions",
      headers: { apikey: bobKey },
      body: { messages },
    });
    await answering;
    await stack.reload((url) => ({
      ...config(url),
      consumers: consumers.filter(({ username }) => username !== "bob"),
    }));
    const call = { path: "/v1/chat/completions", body: { messages } };
    expect((await stack.send({ ...call, headers: { apikey: bobKey } })).status).toBe(401);
    expect((await stack.send({ ...call, headers: { apikey: aliceKey } })).status).toBe(200);
  });
});

describe("examples/key-auth", () => {
  let stack: Stack | undefined;
  afterEach(() => stack?.close());

  it("does what its README says", async () => {
    const yaml = readFileSync(new URL("../../examples/key-auth/gateway.yaml", import.meta.url), "utf8");
    stack = await startStack({
      config: (url) => yaml.replaceAll('${{ env "DECK_OPENAI_CHAT_URL" }}', chatUrl(url)),
      env: { DECK_OPENAI_API_KEY: "sk-examples", DECK_ALICE_KEY: aliceKey, DECK_BOB_KEY: bobKey },
    });
    const ask = async (headers: Readonly<Record<string, string>>) => {
      const answer = await stack?.send({ path: "/anything", headers, body: { messages } });
      return [answer?.status, answer?.headers["x-kong-llm-model"]];
    };
    expect(await ask({})).toEqual([401, undefined]);
    expect(await ask({ authorization: `Bearer ${aliceKey}` })).toEqual([200, "openai/gpt-4o"]);
    expect(await ask({ apikey: bobKey })).toEqual([200, "openai/gpt-4o-mini"]);
  });
});
