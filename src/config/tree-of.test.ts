import { describe, expect, it } from "vitest";
import { loadDocument } from "./load.ts";
import { treeOf } from "./tree-of.ts";
import { toObject } from "./value.ts";

describe("values as a tree", () => {
  it("come out again as they went in, without those that are null", () => {
    const value = { a: 1, b: "x", c: [true, { d: 0.5, e: null }], f: null, g: { h: undefined, i: "" } };
    expect(toObject(treeOf(value))).toEqual({ a: 1, b: "x", c: [true, { d: 0.5 }], g: { i: "" } });
  });

  it("are made once where they cannot change", () => {
    const frozen = Object.freeze({ a: { b: 1 } });
    expect(treeOf(frozen)).toBe(treeOf(frozen));
    expect(treeOf({ a: 1 })).not.toBe(treeOf({ a: 1 }));
  });

  it("are asked of the vault every time they refer to one", () => {
    const service = Object.freeze({
      id: "00000000-0000-4000-8000-000000000001",
      host: "{vault://mine/host}",
    });
    const load = (prefix: string) => {
      const document = {
        _format_version: "3.0",
        services: [service],
        vaults: [{ name: "env", prefix: "mine", config: { prefix } }],
      };
      const env = { A_HOST: "a.example", B_HOST: "b.example" };
      const { config, problems } = loadDocument(document, { file: "entities", env, plugins: [] });
      return config?.services[0]?.host ?? problems[0]?.message;
    };
    expect(load("a_")).toBe("a.example");
    expect(load("b_")).toBe("b.example");
    expect(load("c_")).toContain("environment variable C_HOST");
    expect(load("a_")).toBe("a.example");
  });
});
