import { describe, expect, it } from "vitest";
import type { Plugin } from "../plugins/plugin.ts";
import { everything, nothing } from "../telemetry/counted.ts";
import type { PluginConfig, PluginScope } from "./config.ts";
import { compileCounting, countsUpstreams } from "./counting.ts";
import type { ScopedPlugin } from "./plugin-chains.ts";

const plain: Plugin = {};
const all: Plugin = { counts: everything };
const onlyAi: Plugin = { counts: { ...nothing, ai: true } };

function running(plugin: Plugin, scope: PluginScope = {}): ScopedPlugin {
  return { name: "p", plugin, config: { scope } as PluginConfig }; // no more of it is read
}

describe("what is counted of an exchange", () => {
  it("is everything where no plugin says it", () => {
    const countedOf = compileCounting([running(plain)]);
    expect(countedOf([plain])).toBe(everything);
    expect(countedOf(undefined)).toBe(everything);
  });

  it("is what the plugin of its chain says", () => {
    const countedOf = compileCounting([running(plain), running(onlyAi, { route: "r" }), running(all)]);
    expect(countedOf([plain, onlyAi])).toBe(onlyAi.counts);
    expect(countedOf([plain, all])).toBe(everything);
  });

  it("is nothing where plugins say it and none runs for it", () => {
    const countedOf = compileCounting([running(plain), running(onlyAi, { route: "r" })]);
    expect(countedOf([plain])).toBe(nothing);
    expect(countedOf(undefined)).toBe(nothing);
  });

  it("is what the global plugin says where there is no route", () => {
    const countedOf = compileCounting([running(all, { service: "s" }), running(onlyAi)]);
    expect(countedOf(undefined)).toBe(onlyAi.counts);
  });
});

describe("how upstreams are", () => {
  const asking: Plugin = { counts: { ...nothing, upstreams: true } };

  it("is told where no plugin says what is counted, and where one asks for it, wherever that runs", () => {
    expect(countsUpstreams([running(plain)])).toBe(true);
    expect(countsUpstreams([running(onlyAi), running(asking, { route: "r" })])).toBe(true);
    expect(countsUpstreams([running(onlyAi)])).toBe(false);
  });
});
