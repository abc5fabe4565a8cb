import { describe, expect, it } from "vitest";
import { plugin } from "../../config/entities/plugin.ts";
import { service } from "../../config/entities/service.ts";
import type { Entity } from "../../config/entity.ts";
import { publishedPlugins } from "../../config/published-plugins.ts";
import { consequenceOf } from "./absence.ts";

const entity = (value: unknown) => value as Entity; // only its names are read

describe("what the absence of something means", () => {
  const unknown = consequenceOf(entity(plugin), { name: "my-own" });

  it("is known of every published plugin but one for certificates and those that run Lua, which may be anything", () => {
    expect(unknown).toMatch(/is not done here/);
    const open = publishedPlugins.filter((name) => consequenceOf(entity(plugin), { name }) === unknown);
    expect(open).toEqual(["acme", "post-function", "pre-function"]);
  });

  it("is grave for plugins that let callers in", () => {
    for (const name of ["acl", "jwt", "key-auth", "openid-connect", "mtls-auth"])
      expect(consequenceOf(entity(plugin), { name })).toMatch(/everybody who reaches the route/);
  });

  it("is nothing for a plugin that was switched off", () => {
    expect(consequenceOf(entity(plugin), { name: "acl", enabled: false })).toMatch(/nothing changes/);
  });

  it("is for other things that what stands in them is gone too", () => {
    const value = { name: "s", routes: [{}, {}], plugins: [{}], tags: ["a"] };
    expect(consequenceOf(entity(service), value)).toBe("With it go its routes (2) and plugins (1).");
    expect(consequenceOf(entity(service), { name: "s" })).toBeUndefined();
    expect(consequenceOf(undefined, {})).toBeUndefined();
  });
});
