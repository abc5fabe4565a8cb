/** `file-log` and `http-log` through the gateway: what they write, and that nobody waits for them. */
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AccessRecord } from "../../src/telemetry/access-record.ts";
import { freePort } from "../support/free-port.ts";
import { type Stack, startStack, until } from "../support/gateway.ts";
import {
  type ConfigObject,
  chatConfig,
  chatUrl,
  openaiTarget,
  targetKey,
} from "../support/gateway-config.ts";
import { type EndpointMood, type LogEndpoint, startLogEndpoint } from "../support/log-endpoint.ts";

let endpoint: LogEndpoint;
let folder: string;
let stack: Stack;
beforeEach(async () => {
  endpoint = await startLogEndpoint();
  folder = mkdtempSync(join(tmpdir(), "sluice-logging-"));
});
afterEach(async () => {
  await stack.close();
  await endpoint.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Settings {
  readonly plugins: readonly ConfigObject[];
  readonly logging?: ConfigObject;
}

const logged =
  ({ logging, plugins }: Settings) =>
  (simulator: string): ConfigObject => {
    const target = openaiTarget(chatUrl(simulator), { ...(logging && { extra: { logging } }) });
    const config = chatConfig([target]);
    const chat = config["plugins"] as readonly ConfigObject[]; // as chatConfig has it
    return { ...config, plugins: [...chat, ...plugins] };
  };

const httpLog = (more: ConfigObject = {}) => ({
  name: "http-log",
  config: { http_endpoint: `${endpoint.url}/logs`, ...more },
});
const fileLog = (more: ConfigObject = {}) => ({
  name: "file-log",
  config: { path: join(folder, "access.log"), ...more },
});

async function start(settings: Settings): Promise<Stack> {
  stack = await startStack({ config: logged(settings) });
  return stack;
}

const consumerKey = "team-key-of-alice";
const keyAuth = { name: "key-auth", config: { key_names: ["x-team"], key_in_body: true } };

const written = (name = "access.log") =>
  readFileSync(join(folder, name), "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as AccessRecord);

const ids = (records: readonly AccessRecord[]) => records.map(({ request }) => request.id).sort();

/** So many requests, so many at a time; every one of them must be answered well. */
async function askMany(count: number, atOnce: number): Promise<void> {
  let left = count;
  const one = async () => {
    while (left-- > 0) expect((await stack.ask("Hello")).status).toBe(200);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

describe("log plugins", () => {
  it("write what the gateway records, for one route as for all", async () => {
    await start({ plugins: [httpLog({ headers: { "X-Token": "token" } }), { ...fileLog(), route: "chat" }] });
    const record = await (await stack.ask("Hello")).record();
    await until(() => endpoint.entries.length === 1, "the entry arrives");
    await until(() => written().length === 1, "the entry is written");
    const plain = JSON.parse(JSON.stringify(record));
    expect(endpoint.entries).toEqual([plain]);
    expect(written()).toEqual([plain]);
    expect(endpoint.headers).toMatchObject({ "content-type": "application/json", "x-token": "token" });
    expect(plain).toMatchObject({
      workspace_name: "default",
      service: { name: "llm", protocol: "http", host: "localhost", port: 80 },
      route: { name: "chat", paths: ["/chat"] },
      ai: { proxy: { meta: { provider_name: "openai" }, tried_targets: [{ host: "127.0.0.1" }] } },
    });
    expect(plain.ai.proxy).not.toHaveProperty("payload");
  });

  it("write of requests that failed, and of those that no route takes", async () => {
    await start({ plugins: [fileLog()] });
    expect((await stack.send({ body: "no json" })).status).toBe(400);
    expect((await stack.send({ path: "/nowhere", body: {} })).status).toBe(404);
    await until(() => written().length === 2, "the entries are written");
    expect(written()).toMatchObject([{ response: { status: 400 } }, { response: { status: 404 } }]);
  });

  it.each([false, true])(
    "write payloads where they are asked for, without a secret (stream: %s)",
    async (stream) => {
      const mine = "my-own-key-0123456789";
      await start({ plugins: [fileLog()], logging: { log_payloads: true } });
      const answer = await stack.send({
        headers: { authorization: `Bearer ${mine}` },
        body: {
          stream,
          messages: [{ role: "user", content: `Is ${mine}, ${targetKey} or AKIAIOSFODNN7EXAMPLE good?` }],
        },
      });
      expect(answer.status).toBe(200);
      await until(() => written().length === 1, "the entry is written");
      const text = readFileSync(join(folder, "access.log"), "utf8");
      for (const secret of [mine, targetKey, "AKIAIOSFODNN7EXAMPLE"]) expect(text).not.toContain(secret);
      const payload = written()[0]?.ai?.proxy.payload;
      expect(payload?.request).toContain("Is [redacted], [redacted] or [redacted] good?");
      expect(JSON.parse(payload?.response ?? "")).toMatchObject({
        object: "chat.completion",
        choices: [{ message: { role: "assistant" }, finish_reason: "stop" }],
      });
    },
  );

  it.each<[string, Parameters<Stack["send"]>[0]]>([
    ["header", { headers: { "x-team": consumerKey } }],
    ["token", { headers: { authorization: `Bearer ${consumerKey}` } }],
    ["parameter", { path: `/chat?x-team=${consumerKey}` }],
    ["field of the body", { body: { "x-team": consumerKey } }],
  ])("show no consumer's key that came as a %s, in no place", async (_, call) => {
    const make = (simulator: string): ConfigObject => ({
      ...logged({ plugins: [fileLog(), keyAuth], logging: { log_payloads: true } })(simulator),
      consumers: [{ username: "alice", keyauth_credentials: [{ key: consumerKey }] }],
    });
    stack = await startStack({ config: make });
    const body = { messages: [{ role: "user", content: `Hello, ${consumerKey.slice(0, 5)}` }] };
    expect((await stack.send({ ...call, body: { ...body, ...(call?.body as object) } })).status).toBe(200);
    await until(() => written().length === 1, "the entry is written");
    expect(written()).toMatchObject([{ consumer: { username: "alice" } }]);
    expect(written()[0]?.ai?.proxy.payload?.request).toContain("Hello, team-");
    const text = readFileSync(join(folder, "access.log"), "utf8");
    for (const secret of [consumerKey, targetKey]) expect(text).not.toContain(secret);
  });

  it("follow a log file that is rotated, and lose nothing", async () => {
    await start({ plugins: [fileLog({ reopen: true })] });
    await askMany(50, 10);
    await until(() => written().length === 50, "the first half is written");
    renameSync(join(folder, "access.log"), join(folder, "access.log.1"));
    await askMany(50, 10);
    await until(() => stack.gateway.health()[0]?.writes === 100, "all is written");
    expect(written("access.log.1").length + written().length).toBe(100);
    expect(ids([...written("access.log.1"), ...written()])).toEqual(ids(stack.records));
  });

  it("cost no request where the file cannot be written", async () => {
    await start({ plugins: [fileLog({ path: join(folder, "nowhere", "access.log") })] });
    await askMany(100, 20);
    await until(() => stack.gateway.health()[0]?.dropped === 100, "the entries are counted");
    expect(stack.gateway.health()).toMatchObject([{ component: "log_file", state: "down", writes: 0 }]);
    expect(stack.log.filter(({ level }) => level === "warn")).toHaveLength(1);
  });
});

describe("an endpoint for log entries", () => {
  const queue = { max_batch_size: 40, max_coalescing_delay: 0.02 };

  it.each<[string, EndpointMood, number]>([
    ["takes them", "takes", 0],
    ["is slow", "is slow", 0],
    ["answers 500", 500, 1],
    ["answers 429", 429, 1],
    ["refuses", "refuses", 1],
    ["hangs", "hangs", 1],
  ])(
    "that %s for a while costs no request, and gets every entry once",
    async (_, mood, warnings) => {
      endpoint.is(mood);
      // Far more than a good answer takes: one that is given up too early comes twice.
      await start({ plugins: [httpLog({ timeout: 2_000, queue })] });
      await askMany(500, 50);
      if (warnings > 0)
        await until(() => stack.gateway.health()[0]?.state === "down", "it is known to be down");
      endpoint.is(mood === "is slow" ? mood : "takes");
      await askMany(500, 50);
      await until(() => stack.gateway.health()[0]?.writes === 1_000, "the entries arrive", 30_000);
      expect(ids(endpoint.entries)).toEqual(ids(stack.records));
      expect(stack.gateway.health()).toMatchObject([
        {
          plugin: "http-log",
          component: "log_endpoint",
          name: endpoint.url,
          state: "up",
          writes: 1_000,
          dropped: 0,
        },
      ]);
      expect(stack.log.filter(({ level }) => level === "warn")).toHaveLength(warnings);
    },
    60_000,
  );

  it("that is not there costs no request; what it will never get is counted", async () => {
    const port = await freePort();
    const config = {
      http_endpoint: `http://127.0.0.1:${port}/`,
      queue: { max_entries: 10, max_retry_time: 0.1 },
    };
    await start({ plugins: [httpLog(config)] });
    await askMany(200, 50);
    await until(() => stack.gateway.health()[0]?.dropped === 200, "all are given up", 15_000);
    expect(stack.gateway.health()).toMatchObject([{ state: "down", writes: 0 }]);
    expect(stack.log.filter(({ level }) => level === "warn")).toHaveLength(1);
  });

  it("gets what is queued when the plugin leaves the config", async () => {
    await start({ plugins: [httpLog({ queue: { max_batch_size: 100, max_coalescing_delay: 3_600 } })] });
    await askMany(7, 3);
    expect(endpoint.messages).toBe(0);
    await stack.reload(logged({ plugins: [] }));
    await until(() => endpoint.entries.length === 7, "the entries arrive");
    expect(endpoint.messages).toBe(1);
  });
});
