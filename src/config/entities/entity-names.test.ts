import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errors, head, lines, load } from "../../../test/support/load-config.ts";
import { entityName } from "../entity.ts";
import { fieldSchema } from "../field-schema.ts";

const rule = "the only accepted ascii characters are alphanumerics or ., -, _, and ~";
const plugin = (name: string) =>
  `plugins: [{name: ai-proxy, instance_name: ${name}, config: {route_type: llm/v1/chat, model: {provider: openai}}}]`;

/** A file with an entity that is called so, where its kind has names by Kong's rule. */
const named: Readonly<Record<string, (name: string) => string>> = {
  "services[0].name": (name) => `services: [{name: ${name}, host: h}]`,
  "routes[0].name": (name) => `routes: [{name: ${name}, paths: [/]}]`,
  "plugins[0].instance_name": plugin,
  "partials[0].name": (name) => `partials: [{name: ${name}, type: redis-ee}]`,
  "vaults[0].name": (name) => `vaults: [{name: ${name}, prefix: mine}]`,
};

describe.each(Object.keys(named))("%s", (path) => {
  const problems = (name: string) =>
    errors(load(`${head}${named[path]?.(name)}\n`)).map((line) => line.replace(/^\S+ error: /, ""));

  it("takes letters, digits, . - _ ~ and whatever is beyond ASCII", () => {
    for (const name of ["a", "'7'", "A.b-c_d~9", "Äpfel-円-🙂"]) expect(problems(name), name).toEqual([]);
  });

  it("refuses other characters, and says in Kong's words which are accepted", () => {
    expect(problems("a b")).toEqual([`${path}: invalid value 'a b': ${rule}`]);
    expect(problems("chat/v1")).toEqual([`${path}: invalid value 'chat/v1': ${rule}`]);
    expect(problems('""')).toEqual([`${path}: must not be empty`]);
  });
});

describe("a name", () => {
  const schema = entityName("A name.");

  it("has of ASCII what a path takes as it is, and nothing else", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii", minLength: 1 }), (name) => {
        expect(schema.safeParse(name).success).toBe(
          encodeURIComponent(name) === name && !/[!'()*]/.test(name),
        );
      }),
    );
  });

  it("that came from the environment is not told", () => {
    const text = `${head}services: [{name: '\${{ env "DECK_NAME" }}', host: h}]\n`;
    expect(lines(text, { DECK_NAME: "not for logs" })).toEqual([
      expect.stringMatching(new RegExp(`services\\[0\\]\\.name: invalid value: ${rule}$`)),
    ]);
  });

  it("has the rule in its JSON Schema", () => {
    const { pattern = "" } = fieldSchema(schema);
    const fits = (flags: string) =>
      ["a b", "a/b", "Ä~1🙂"].map((name) => new RegExp(pattern, flags).test(name));
    expect([fits(""), fits("u")]).toEqual([
      [false, false, true],
      [false, false, true],
    ]);
  });
});

describe("names by other rules", () => {
  it("of consumers and their groups are free", () => {
    const consumer = `consumers: [{username: "Ann O'Neil / Ops", custom_id: a b, groups: [{name: Gold Tier}]}]`;
    expect(lines(`${head}${consumer}\nconsumer_groups: [{name: Gold Tier}]\n`)).toEqual([]);
  });

  it.each(["aws", "azure", "gcp", "hcv"])("keep the prefix %s for Kong's own vaults", (prefix) => {
    expect(lines(`${head}vaults: [{name: env, prefix: ${prefix}}]\n`)).toEqual([
      expect.stringContaining("vaults[0].prefix: must not be one of: aws, azure, gcp, hcv"),
    ]);
  });
});

describe("the name of a plugin's own", () => {
  it("is given once", () => {
    const two = plugin("mine").replace("]", ", {name: key-auth, instance_name: mine}]");
    expect(lines(`${head}${two}\n`)).toEqual([
      expect.stringContaining(
        "plugins[1].instance_name: another plugin has the instance_name `mine` already (plugins[0]",
      ),
    ]);
  });
});
