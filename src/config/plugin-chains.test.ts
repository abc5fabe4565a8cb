import { describe, expect, it } from "vitest";
import { notingPlugin, pluginConfig, routeConfig } from "../../test/support/fake-plugins.ts";
import type { Consumer } from "../consumers/consumer.ts";
import type { Plugin } from "../plugins/plugin.ts";
import type { PluginScope } from "./config.ts";
import { compileChain, type ScopedPlugin } from "./plugin-chains.ts";

const route = routeConfig("r", { service: "s" });

function running(name: string, scope: PluginScope, facts: { order?: number; authenticates?: boolean } = {}) {
  const plugin: Plugin = notingPlugin(name, []);
  const { authenticates = false, order = 5 } = facts;
  const config = pluginConfig(name, () => plugin, { scope, order });
  return { name, plugin, config: { ...config, definition: { ...config.definition, authenticates } } };
}

function caller(id: string, ...groups: readonly string[]): Consumer {
  return {
    id,
    username: id,
    customId: undefined,
    groups: [...groups].sort().map((name) => ({ id: name, name })),
  };
}

const runs = (plugins: readonly ScopedPlugin[], who: Consumer | undefined) => {
  const { callers, plugins: base } = compileChain(route, plugins);
  return callers === undefined ? base : [...callers.first, ...callers.rest(who)];
};

describe("of several instances of a plugin", () => {
  /** Kong's published order, narrowest first. */
  const order: readonly PluginScope[] = [
    { consumer: "alice", route: "r", service: "s" },
    { consumerGroup: "gold", route: "r", service: "s" },
    { consumer: "alice", route: "r" },
    { consumer: "alice", service: "s" },
    { consumerGroup: "gold", route: "r" },
    { consumerGroup: "gold", service: "s" },
    { route: "r", service: "s" },
    { consumer: "alice" },
    { consumerGroup: "gold" },
    { route: "r" },
    { service: "s" },
    {},
  ];
  const all = order.map((scope) => running("limit", scope));

  it.each(order.map((scope, place) => [place, JSON.stringify(scope)] as const))(
    "number %i, for %s, gives way to those before it alone",
    (place) => {
      // Backwards, so that it is not the order of the file that decides.
      const left = all.slice(place).reverse();
      expect(runs(left, caller("alice", "gold"))).toEqual([all[place]?.plugin]);
    },
  );

  it("those for others do not count", () => {
    const others: readonly PluginScope[] = [
      { consumer: "bob" },
      { consumerGroup: "silver" },
      { consumer: "alice", route: "elsewhere" },
      { consumer: "alice", service: "elsewhere" },
      { consumerGroup: "gold", route: "elsewhere" },
    ];
    const everybody = running("limit", {});
    const plugins = [...others.map((scope) => running("limit", scope)), everybody];
    expect(runs(plugins, caller("alice", "gold"))).toEqual([everybody.plugin]);
    expect(runs(plugins, undefined)).toEqual([everybody.plugin]);
  });

  it("of two of the caller's groups the first by name decides", () => {
    const [zinc, gold] = [
      running("limit", { consumerGroup: "zinc" }),
      running("limit", { consumerGroup: "gold" }),
    ];
    for (const plugins of [
      [zinc, gold],
      [gold, zinc],
    ]) {
      expect(runs(plugins, caller("alice", "zinc", "gold"))).toEqual([gold.plugin]);
      expect(runs(plugins, caller("bob", "zinc"))).toEqual([zinc.plugin]);
      expect(runs(plugins, caller("eve"))).toEqual([]);
    }
  });
});

describe("a chain", () => {
  const auth = running("auth", {}, { order: 1, authenticates: true });
  const proxy = running("proxy", {}, { order: 9 });
  const forAlice = running("proxy", { consumer: "alice" }, { order: 9 });
  const guard = running("guard", { consumer: "alice" }, { order: 4 });

  it("of a route without plugins for single callers has no part that depends on them", () => {
    const elsewhere = running("guard", { consumer: "alice", route: "elsewhere" });
    expect(compileChain(route, [proxy, auth, elsewhere])).toEqual({
      plugins: [auth.plugin, proxy.plugin],
      callers: undefined,
    });
  });

  it("runs up to the last plugin that finds out who calls, and goes on with what is meant for the caller", () => {
    const { callers, plugins } = compileChain(route, [forAlice, proxy, guard, auth]);
    expect(plugins).toEqual([auth.plugin, proxy.plugin]);
    expect(callers?.first).toEqual([auth.plugin]);
    expect(callers?.rest(undefined)).toEqual([proxy.plugin]);
    expect(callers?.rest(caller("bob"))).toEqual([proxy.plugin]);
    expect(callers?.rest(caller("alice"))).toEqual([guard.plugin, forAlice.plugin]);
    expect(callers?.conditional).toEqual([forAlice, guard]);
  });

  it("is worked out once for a caller, and shared by those for whom nothing is special", () => {
    const { callers } = compileChain(route, [forAlice, proxy, auth]);
    expect(callers?.rest(caller("alice"))).toBe(callers?.rest(caller("alice")));
    expect(callers?.rest(caller("bob"))).toBe(callers?.rest(caller("eve")));
  });

  it("keeps what was put before who calls is known out of what follows", () => {
    const ordering = { before: ["auth"], after: [] };
    const early = running("early", {}, { order: 5 });
    const moved = { ...early, config: { ...early.config, ordering } };
    const { callers, plugins } = compileChain(route, [forAlice, proxy, guard, auth, moved]);
    expect(plugins).toEqual([early.plugin, auth.plugin, proxy.plugin]);
    expect(callers?.first).toEqual([early.plugin, auth.plugin]);
    expect(callers?.rest(caller("alice"))).toEqual([guard.plugin, forAlice.plugin]);
    expect(callers?.rest(caller("bob"))).toEqual([proxy.plugin]);
  });
});
