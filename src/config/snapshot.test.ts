import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  configOf,
  createPluginServices,
  notingPlugin,
  pluginConfig,
  routeConfig,
  serviceConfig,
} from "../../test/support/fake-plugins.ts";
import { hashKey } from "../consumers/consumer-index.ts";
import type { Plugin } from "../plugins/plugin.ts";
import { upstreamOptions } from "../upstreams/options.ts";
import type { PluginConfig } from "./config.ts";
import { createSnapshot, type Snapshot } from "./snapshot.ts";

const services = createPluginServices();
const find = (snapshot: Snapshot, path: string) =>
  snapshot.router.match({ method: "GET", path, host: undefined, header: () => undefined })?.payload;

/** An entry whose instance is known beforehand. */
function entryOf(name: string, facts: Partial<PluginConfig> & { readonly content?: unknown } = {}) {
  const instance: Plugin = notingPlugin(name, []);
  return { instance, entry: pluginConfig(name, () => instance, facts) };
}

describe("a snapshot's routes", () => {
  it("lead to their service and to nothing where they have none", () => {
    const config = configOf({
      services: [serviceConfig("s1", { name: "llm" }), serviceConfig("s2")],
      routes: [routeConfig("a", { service: "s1" }), routeConfig("b", { service: "s2" }), routeConfig("c")],
    });
    const snapshot = createSnapshot(config, services);
    expect(find(snapshot, "/a")).toMatchObject({ service: { id: "s1" }, serviceRecord: { name: "llm" } });
    expect(find(snapshot, "/b")).toMatchObject({ serviceRecord: { name: "s2" } });
    expect(find(snapshot, "/c")).toEqual({
      service: undefined,
      serviceRecord: undefined,
      upstream: undefined,
      plugins: [],
      callers: undefined,
    });
    expect(find(snapshot, "/d")).toBeUndefined();
    expect(snapshot.plans.get("a")).toBe(find(snapshot, "/a"));
  });
});

describe("a route's plugins", () => {
  it("are one of each name, of the most specific scope", () => {
    const one = (scope: PluginConfig["scope"], id: string) => entryOf("auth", { scope, id });
    const everywhere = one({}, "1");
    const service = one({ service: "s" }, "2");
    const route = one({ route: "b" }, "3");
    const both = one({ service: "s", route: "c" }, "4");
    const other = one({ service: "other", route: "a" }, "5");
    const config = configOf({
      services: [serviceConfig("s")],
      routes: [
        routeConfig("a", { service: "s" }),
        routeConfig("b", { service: "s" }),
        routeConfig("c", { service: "s" }),
        routeConfig("d"),
      ],
      plugins: [both, other, everywhere, route, service].map(({ entry }) => entry),
    });
    const snapshot = createSnapshot(config, services);
    expect(find(snapshot, "/a")?.plugins).toEqual([service.instance]);
    expect(find(snapshot, "/b")?.plugins).toEqual([route.instance]);
    expect(find(snapshot, "/c")?.plugins).toEqual([both.instance]);
    expect(find(snapshot, "/d")?.plugins).toEqual([everywhere.instance]);
  });

  it("run in the order of their definitions, not of the file", () => {
    const last = entryOf("proxy", { order: 9 });
    const first = entryOf("auth", { order: 1 });
    const config = configOf({ routes: [routeConfig("a")], plugins: [last.entry, first.entry] });
    expect(find(createSnapshot(config, services), "/a")?.plugins).toEqual([first.instance, last.instance]);
  });

  it("do not have those that are switched off, which give way to wider ones", () => {
    const off = entryOf("auth", { id: "1", enabled: false, scope: { route: "a" } });
    const wide = entryOf("auth", { id: "2" });
    const config = configOf({ routes: [routeConfig("a")], plugins: [off.entry, wide.entry] });
    const snapshot = createSnapshot(config, services);
    expect(find(snapshot, "/a")?.plugins).toEqual([wide.instance]);
    expect(snapshot.plugins).toHaveLength(1);
  });
});

describe("a snapshot made after another", () => {
  const made = (id: string, content: unknown) =>
    pluginConfig("auth", () => notingPlugin(id, []), { id, content });

  it("keeps the instances whose place and content are unchanged, and only those", () => {
    const first = createSnapshot(
      configOf({ routes: [routeConfig("a")], plugins: [made("1", { x: 1 }), made("2", { x: 1 })] }),
      services,
    );
    const second = createSnapshot(
      configOf({
        routes: [routeConfig("a"), routeConfig("b")],
        plugins: [made("1", { x: 1 }), made("2", { x: 2 }), made("3", { x: 1 })],
      }),
      services,
      first,
    );
    expect(second.plugins.map(({ plugin }) => first.plugins.some((old) => old.plugin === plugin))).toEqual([
      true,
      false,
      false,
    ]);
    expect(find(second, "/b")?.plugins).toEqual([second.plugins[0]?.plugin]);
  });

  it("keeps the upstreams that are unchanged, with their turns and timers, and only those", () => {
    const definition = (id: string, port: number) => ({
      id,
      name: id,
      options: z.strictObject(upstreamOptions).parse({}),
      clientCertificate: undefined,
      targets: [{ host: "a", port, weight: 1, failover: false }],
    });
    const first = createSnapshot(configOf({ upstreams: [definition("u", 1), definition("v", 1)] }), services);
    const changed = configOf({ upstreams: [definition("v", 2), definition("u", 1)] });
    const second = createSnapshot(changed, services, first);
    const kept = second.upstreams.map(({ upstream }) =>
      first.upstreams.some((old) => old.upstream === upstream),
    );
    expect(kept).toEqual([false, true]);
  });
});

describe("a snapshot's consumers", () => {
  it("are those of its config, frozen and without what they are known by", () => {
    const sha256 = hashKey("k");
    const alice = {
      id: "c",
      username: "alice",
      customId: undefined,
      groups: [],
      keys: [{ id: "k", sha256, expiresAtMs: undefined }],
      tags: [],
    };
    const { consumers } = createSnapshot(configOf({ consumers: [alice] }), services);
    const known = consumers.findByKey("k");
    expect(known?.consumer).toEqual({ id: "c", username: "alice", customId: undefined, groups: [] });
    expect(Object.isFrozen(known?.consumer)).toBe(true);
    expect(createSnapshot(configOf({}), services).consumers.findByKey("k")).toBeUndefined();
  });

  it("show credentials under names that every plugin adds to, in lower case", () => {
    const named = (id: string, names: readonly string[]) =>
      pluginConfig(id, () => notingPlugin(id, [], { credentialNames: names }), { id });
    const config = configOf({
      plugins: [named("a", ["X-Team", "key"]), named("b", ["KEY"]), entryOf("c").entry],
    });
    expect([...createSnapshot(config, services).credentialNames]).toEqual(["x-team", "key"]);
  });
});

describe("a snapshot that cannot be made", () => {
  it("closes the plugins it has made, but none that still run", async () => {
    const journal: string[] = [];
    const entry = (name: string) => pluginConfig(name, () => notingPlugin(name, journal), { id: name });
    const running = createSnapshot(configOf({ plugins: [entry("old")] }), services);
    const broken = pluginConfig("broken", () => {
      throw new Error("cannot be built");
    });
    expect(() =>
      createSnapshot(configOf({ plugins: [entry("old"), entry("new"), broken] }), services, running),
    ).toThrow("cannot be built");
    expect(journal).toEqual(["new: close"]);
  });

  it("says which route is wrong", () => {
    const config = configOf({ routes: [routeConfig("a", { name: "bad", paths: ["~(unclosed"] })] });
    expect(() => createSnapshot(config, services)).toThrow(/bad/);
  });
});
