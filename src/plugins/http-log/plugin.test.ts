import { describe, expect, it } from "vitest";
import { createRecord } from "../../../test/support/access-records.ts";
import { createExchange } from "../../../test/support/exchange.ts";
import { createFakeClock, settled } from "../../../test/support/fake-clock.ts";
import { createPluginServices } from "../../../test/support/fake-plugins.ts";
import { type HttpCallAnswer, HttpCallError, type HttpCallRequest } from "../../http/http-call.ts";
import { httpLogConfig } from "./config.ts";
import { httpLog } from "./plugin.ts";

const endpoint = "https://logs.example/in/secret-path?token=secret-query";
const answer = (status: number): HttpCallAnswer => ({ status, headers: {}, body: "" });

function create(config: object = {}) {
  const clock = createFakeClock();
  const calls: HttpCallRequest[] = [];
  let reply: () => HttpCallAnswer | Error = () => answer(200);
  const services = {
    ...createPluginServices(),
    now: clock.now,
    schedule: clock.schedule,
    call: async (request: HttpCallRequest) => {
      calls.push(request);
      const next = reply();
      if (next instanceof Error) throw next;
      return next;
    },
  };
  const parsed = httpLogConfig.parse({ http_endpoint: endpoint, ...config });
  const plugin = httpLog.create(parsed, services, { id: "p", instanceName: undefined });
  const log = () => plugin.log?.(createExchange(), createRecord());
  return {
    plugin,
    clock,
    calls,
    lines: services.log.lines,
    log,
    answers: (next: () => HttpCallAnswer | Error) => {
      reply = next;
    },
  };
}

describe("http-log", () => {
  it("sends each record as an object of its own, as the config says", async () => {
    const { calls, clock, log, plugin } = create({
      method: "PUT",
      headers: { "X-Token": "t" },
      timeout: 500,
      keepalive: 7,
      ssl_verify: false,
      content_type: "application/json; charset=utf-8",
    });
    log();
    log();
    await clock.advance(0);
    expect(calls).toHaveLength(2);
    expect(calls[0]).toMatchObject({
      method: "PUT",
      url: endpoint,
      headers: {
        "accept-encoding": "identity",
        "content-type": "application/json; charset=utf-8",
        "x-token": "t",
      },
      timeoutMs: 500,
      connection: { trustsAnyCertificate: true, idleMs: 7 },
    });
    expect(JSON.parse(calls[0]?.body ?? "")).toEqual(createRecord());
    expect(plugin.describe?.()).toEqual(["entries go to https://logs.example by PUT, one by one"]);
    await plugin.close?.();
    expect(clock.timers).toBe(0);
  });

  it("sends arrays where a message may have more than one, even of one", async () => {
    const { calls, clock, log, plugin } = create({ queue: { max_batch_size: 2 } });
    log();
    log();
    log();
    await clock.advance(1_000);
    expect(calls.map(({ body }) => JSON.parse(body ?? "").length)).toEqual([2, 1]);
    expect(plugin.health?.()).toEqual([
      {
        component: "log_endpoint",
        name: "https://logs.example",
        state: "up",
        reason: undefined,
        failures: 0,
        writes: 3,
        dropped: 0,
      },
    ]);
  });

  it("takes the old fields in place of the new ones", async () => {
    const { calls, clock, log } = create({ queue_size: 10, flush_timeout: 3, retry_count: 4 });
    log();
    await clock.advance(2_999);
    expect(calls).toEqual([]);
    await clock.advance(1);
    expect(JSON.parse(calls[0]?.body ?? "")).toHaveLength(1);
  });

  it("sends a name and password in the address as what they are", async () => {
    const { calls, clock, log } = create({ http_endpoint: "http://us%40er:pass@logs.example/in" });
    log();
    await clock.advance(0);
    expect(calls[0]).toMatchObject({
      url: "http://logs.example/in",
      headers: { authorization: `Basic ${Buffer.from("us@er:pass").toString("base64")}` },
    });
  });

  it.each([
    ["another status", () => answer(500)],
    ["a redirect", () => answer(302)],
    ["no answer", () => new HttpCallError("connection", "the connection failed: ECONNREFUSED")],
  ])("sends again after %s, and warns once", async (_, fault) => {
    const { answers, calls, clock, lines, log, plugin } = create();
    answers(fault);
    log();
    await clock.advance(100);
    expect(calls.length).toBeGreaterThan(3);
    expect(plugin.health?.()).toMatchObject([{ state: "down", failures: calls.length, writes: 0 }]);
    answers(() => answer(204));
    await clock.advance(1_000);
    expect(plugin.health?.()).toMatchObject([{ state: "up", writes: 1, dropped: 0 }]);
    expect(lines.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      "warn: the log endpoint is away; entries wait in the queue, and the oldest are dropped when it is full",
      "info: the log endpoint answers again",
    ]);
    expect(JSON.stringify([lines, plugin.health?.()])).not.toContain("secret");
  });

  it("says how many were dropped once it is over", async () => {
    const { answers, clock, lines, log, plugin } = create({ queue: { max_entries: 2 } });
    answers(() => answer(503));
    for (let at = 0; at < 10; at++) log();
    await clock.advance(100);
    answers(() => answer(200));
    await clock.advance(1_000);
    expect(plugin.health?.()).toMatchObject([{ state: "up", writes: 2, dropped: 8 }]);
    expect(lines.at(-1)).toMatchObject({ message: "log entries were dropped", facts: { count: 8 } });
  });

  it("says at its end what could not be delivered", async () => {
    const { answers, clock, lines, log, plugin } = create();
    answers(() => answer(503));
    log();
    const closed = plugin.close?.();
    await clock.advance(5_000);
    await closed;
    await settled();
    expect(plugin.health?.()).toMatchObject([{ state: "down", dropped: 1 }]);
    expect(lines.at(-1)).toMatchObject({ level: "warn", message: "log entries were dropped" });
  });

  it("is tried by a GET, and must be let in", async () => {
    const { answers, calls, plugin } = create({ headers: { "X-Token": "t" } });
    const probe = async () => (await plugin.probe?.(new AbortController().signal))?.[0];
    answers(() => answer(405));
    expect(await probe()).toEqual({
      component: "log endpoint",
      name: "https://logs.example",
      facts: { status: 405, latency: "0.0 ms" },
      error: undefined,
    });
    expect(calls[0]).toMatchObject({ method: "GET", headers: { "x-token": "t" } });
    answers(() => answer(401));
    expect(await probe()).toMatchObject({ error: "it does not let us in" });
    answers(() => new HttpCallError("connection", "refused"));
    expect(await probe()).toMatchObject({ error: "refused", facts: {} });
    expect(plugin.health?.()).toMatchObject([{ state: "unknown", failures: 0 }]);
  });

  it("holds 64 MiB at most where the file says nothing", () => {
    const { plugin } = create();
    const record = { ...createRecord(), error: "x".repeat(8 * 1024 * 1024) };
    for (let at = 0; at < 9; at++) plugin.log?.(createExchange(), record);
    expect(plugin.health?.()).toMatchObject([{ dropped: 2 }]);
  });
});

describe("the config of http-log", () => {
  const check = (config: object) =>
    (httpLog.check?.(httpLogConfig.parse({ http_endpoint: endpoint, ...config })) ?? []).map(
      ({ message, path, severity }) => `${severity} ${path.join(".")}: ${message}`,
    );

  it("is fine as Kong writes it out", () => {
    expect(check({ custom_fields_by_lua: {}, headers: { authorization: "Splunk x" } })).toEqual([]);
  });

  it("is refused where it would mean something else, or cannot work", () => {
    expect(
      check({
        custom_fields_by_lua: { route: "return nil" },
        client_certificate: { id: "c" },
        headers: { Host: "x", "content-Type": "y", "bad name": "z", fine: "\u0001" },
        timeout: 0,
        queue: { max_bytes: 0 },
      }),
    ).toEqual([
      expect.stringContaining("error custom_fields_by_lua: is not supported"),
      expect.stringContaining("error client_certificate: is not supported"),
      "error headers.Host: cannot be set: it is that of 'http_endpoint'",
      "error headers.content-Type: cannot be set: it is set by 'content_type'",
      "error headers.bad name: is not a name that a header can have",
      "error headers.fine: has a value that no header can have",
      "error timeout: must be at least 1",
      "error queue.max_bytes: must be at least 1",
    ]);
  });
});
