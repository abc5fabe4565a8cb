import { afterEach, describe, expect, it } from "vitest";
import { createScriptedBody } from "../test/support/body-streams.ts";
import {
  configOf,
  createPluginServices,
  type Journal,
  notingPlugin,
  pluginConfig,
  routeConfig,
} from "../test/support/fake-plugins.ts";
import { later } from "../test/support/later.ts";
import { until } from "../test/support/until.ts";
import type { Config } from "./config/config.ts";
import { GatewayError } from "./errors.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import type { AiFacts } from "./llm/ai-facts.ts";
import type { Plugin } from "./plugins/plugin.ts";
import type { AccessRecord } from "./telemetry/access-record.ts";
import { createMetrics } from "./telemetry/metrics.ts";

let gateway: Gateway | undefined;
afterEach(() => gateway?.close(0));

async function start(config: Config, port = 0) {
  const records: AccessRecord[] = [];
  const services = { ...createPluginServices(), newId: () => "id-1" };
  const journal: Journal = [];
  const sink = {
    write: (record: AccessRecord) => void records.push(record),
    async close() {
      journal.push("sink: close");
    },
  };
  const metrics = createMetrics();
  const started = await startGateway(config, {
    listen: { host: "127.0.0.1", port },
    services,
    sinks: [sink],
    metrics,
  });
  gateway = started;
  return {
    gateway: started,
    url: `http://127.0.0.1:${started.port}`,
    records,
    log: services.log,
    metrics,
    journal,
  };
}

/** A plugin on every route that answers with its name. */
const answering = (name: string, journal: Journal, hooks: Partial<Plugin> = {}) =>
  pluginConfig(
    name,
    () => notingPlugin(name, journal, { access: () => ({ status: 200, headers: {}, body: name }), ...hooks }),
    { id: name },
  );

const aiFacts = (facts: Pick<AiFacts, "counting">): AiFacts => ({
  pluginId: "plugin-one",
  plugin: "one",
  algorithm: "round-robin",
  routeType: "llm/v1/chat",
  mode: "oneshot",
  embeddingsProvider: "",
  tried: [],
  ...facts,
});

const withPlugins = (...plugins: Config["plugins"]) => configOf({ routes: [routeConfig("a")], plugins });

describe("a gateway", () => {
  it("answers through the route's plugins, and records, counts and logs the exchange", async () => {
    const journal: Journal = [];
    const { url, records, metrics } = await start(withPlugins(answering("one", journal)));
    const answer = await fetch(`${url}/a`);
    expect(await answer.text()).toBe("one");
    expect(answer.headers.get("x-kong-request-id")).toBe("id-1");
    expect(answer.headers.get("x-kong-response-latency")).toMatch(/^\d+$/);
    await until(() => records.length === 1);
    expect(records[0]).toMatchObject({
      request: { uri: "/a" },
      response: { status: 200 },
      route: { name: "a" },
    });
    expect(journal).toEqual(["one: start", "one: log"]);
    expect(metrics.render().text).toContain('kong_http_requests_total{service="",route="a",code="200"');
  });

  it("tells plugins for every request of one that no route takes, and no others", async () => {
    const journal: Journal = [];
    const { url, records } = await start(
      withPlugins(
        pluginConfig("all", () => notingPlugin("all", journal)),
        pluginConfig("some", () => notingPlugin("some", journal), { scope: { route: "a" } }),
      ),
    );
    journal.length = 0;
    expect((await fetch(`${url}/nowhere`)).status).toBe(404);
    await until(() => records.length === 1);
    expect(journal).toEqual(["all: log"]);
  });

  it("runs for a caller what is meant for that caller, and tells the same plugins of the end", async () => {
    const journal: Journal = [];
    const consumer = { id: "c", username: "alice", customId: undefined, groups: [], keys: [], tags: [] };
    const auth = pluginConfig("auth", () =>
      notingPlugin("auth", journal, {
        access(exchange) {
          const known = exchange.consumers?.find(String(exchange.request.headers["x-name"]));
          if (known !== undefined) exchange.consumer = known;
          return undefined;
        },
      }),
    );
    const { url, records } = await start(
      configOf({
        routes: [routeConfig("a")],
        consumers: [consumer],
        plugins: [
          { ...auth, definition: { ...auth.definition, authenticates: true } },
          { ...answering("all", journal), name: "answer", order: 1 },
          { ...answering("alice", journal), name: "answer", order: 1, scope: { consumer: "c" } },
        ],
      }),
    );
    for (const name of ["alice", "bob"]) {
      journal.length = 0;
      const answer = await fetch(`${url}/a`, { headers: { "x-name": name } });
      const expected = name === "alice" ? "alice" : "all";
      expect(await answer.text()).toBe(expected);
      await until(() => journal.length === 2);
      expect(journal).toEqual(["auth: log", `${expected}: log`]);
    }
    expect(records.map((record) => record.consumer?.username)).toEqual(["alice", undefined]);
  });

  it("answers 404 where no route matches, and 503 where a route leads nowhere", async () => {
    const { url } = await start(configOf({ routes: [routeConfig("a")] }));
    const lost = await fetch(`${url}/b`);
    expect([lost.status, await lost.json()]).toEqual([
      404,
      { message: "no Route matched with those values", request_id: "id-1" },
    ]);
    const empty = await fetch(`${url}/a`);
    expect([empty.status, await empty.json()]).toEqual([
      503,
      { message: "route a has no service to proxy to and no plugin that answers", request_id: "id-1" },
    ]);
  });

  it("tells the operator of failures that nobody foresaw, and of no others", async () => {
    const errors = [new Error("a bug"), new GatewayError("no_prompt")];
    const { url, log, records } = await start(
      withPlugins(answering("one", [], { access: () => Promise.reject(errors.shift()) })),
    );
    expect((await fetch(`${url}/a`)).status).toBe(500);
    expect((await fetch(`${url}/a`)).status).toBe(400);
    await until(() => records.length === 2);
    expect(log.lines).toMatchObject([
      { level: "error", facts: { request: "id-1", reason: expect.stringContaining("a bug") } },
    ]);
  });

  it("writes the record when the tokens are counted; the client has its answer before, the stop waits", async () => {
    const counting = later<void>();
    const access: Plugin["access"] = (exchange) => {
      exchange.ai = aiFacts({ counting: counting.promise });
      return { status: 200, headers: {}, body: "answered" };
    };
    const { gateway: stopping, url, records } = await start(withPlugins(answering("one", [], { access })));
    expect(await (await fetch(`${url}/a`)).text()).toBe("answered");
    expect(records).toEqual([]);
    expect(stopping.running).toBe(1);
    const closed = stopping.close(5_000);
    counting.resolve();
    await closed;
    expect(records).toHaveLength(1);
  });

  it("writes the record also where no tokens could be counted", async () => {
    const access: Plugin["access"] = (exchange) => {
      exchange.ai = aiFacts({ counting: Promise.reject(new Error("no count")) });
      return { status: 200, headers: {}, body: "answered" };
    };
    const { url, records } = await start(withPlugins(answering("one", [], { access })));
    await fetch(`${url}/a`);
    await until(() => records.length === 1);
    expect(records[0]?.ai?.proxy.usage).toBeUndefined();
  });

  it("closes its plugins and its sinks, also after a plugin that cannot be closed", async () => {
    const journal: Journal = [];
    const stuck = answering("stuck", journal, { close: () => Promise.reject(new Error("stuck")) });
    const {
      gateway: running,
      log,
      journal: sinks,
    } = await start(withPlugins(stuck, answering("two", journal)));
    await running.close(0);
    expect(journal).toContain("two: close");
    expect(sinks).toEqual(["sink: close"]);
    expect(log.lines).toMatchObject([
      { message: "a plugin did not close", facts: { reason: "Error: stuck" } },
    ]);
  });
});

describe("a gateway that cannot start", () => {
  it("closes what it had begun: a plugin that can never serve", async () => {
    const journal: Journal = [];
    const broken = answering("broken", journal, { start: () => Promise.reject(new Error("never")) });
    await expect(start(withPlugins(answering("one", journal), broken))).rejects.toThrow("never");
    expect(journal).toEqual(["one: start", "one: close", "broken: close"]);
  });

  it("closes what it had begun: an address that is taken", async () => {
    const { gateway: running } = await start(withPlugins());
    const journal: Journal = [];
    await expect(start(withPlugins(answering("one", journal)), running.port)).rejects.toThrow(
      "cannot listen",
    );
    expect(journal).toEqual(["one: start", "one: close"]);
  });
});

describe("a reload", () => {
  it("serves the new config, keeps what is unchanged and closes what is gone", async () => {
    const journal: Journal = [];
    const kept = answering("kept", journal, { access: () => undefined });
    const { gateway: running, url } = await start(withPlugins(kept, answering("old", journal)));
    await running.reload(withPlugins(kept, answering("new", journal)));
    expect(await (await fetch(`${url}/a`)).text()).toBe("new");
    expect(journal.filter((line) => !line.endsWith(": log"))).toEqual([
      "kept: start",
      "old: start",
      "new: start",
      "old: close",
    ]);
  });

  it("that fails leaves the running config as it is, and closes what it had begun", async () => {
    const journal: Journal = [];
    const { gateway: running, url } = await start(withPlugins(answering("old", journal)));
    const before = running.snapshot;
    const broken = answering("broken", journal, { start: () => Promise.reject(new Error("never")) });
    await expect(running.reload(withPlugins(answering("old", journal), broken))).rejects.toThrow("never");
    const unbuildable = pluginConfig("x", () => {
      throw new Error("cannot be built");
    });
    await expect(running.reload(withPlugins(unbuildable))).rejects.toThrow("cannot be built");
    expect(running.snapshot).toBe(before);
    expect(await (await fetch(`${url}/a`)).text()).toBe("old");
    expect(journal.filter((line) => line.endsWith(": close"))).toEqual(["broken: close"]);
  });

  it("lets exchanges under way end with the plugins they began with", async () => {
    const journal: Journal = [];
    const body = createScriptedBody();
    const streaming = answering("old", journal, { access: () => ({ status: 200, headers: {}, body }) });
    const { gateway: running, url } = await start(withPlugins(streaming));
    const answer = await fetch(`${url}/a`);
    await running.reload(withPlugins(answering("new", journal)));
    expect(journal).not.toContain("old: close");
    body.write("still ");
    body.write("old");
    body.end();
    expect(await answer.text()).toBe("still old");
    await until(() => journal.includes("old: close"));
    expect(journal.indexOf("old: log")).toBeLessThan(journal.indexOf("old: close"));
  });

  it("comes after the one before it: the last config asked for is the one that runs", async () => {
    const journal: Journal = [];
    let ready: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => {
      ready = resolve;
    });
    const { gateway: running, url } = await start(withPlugins());
    const slow = running.reload(withPlugins(answering("slow", journal, { start: () => waiting })));
    const fast = running.reload(withPlugins(answering("fast", journal)));
    ready();
    await Promise.all([slow, fast]);
    expect(await (await fetch(`${url}/a`)).text()).toBe("fast");
    expect(journal).toContain("slow: close");
  });

  it("under way when the gateway closes leaves no plugin open", async () => {
    const journal: Journal = [];
    const { gateway: running } = await start(withPlugins());
    const untilStopped = (signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => setImmediate(() => setImmediate(resolve)));
      });
    const reloading = running.reload(withPlugins(answering("late", journal, { start: untilStopped })));
    await Promise.all([running.close(0), reloading]);
    expect(journal).toEqual(["late: close"]);
  });
});
