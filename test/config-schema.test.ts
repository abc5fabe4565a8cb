/** The schema that editors draw red lines by: it lets pass what loads, and marks what does not. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { misfitsOf } from "./support/json-schema.ts";

const text = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
const schema = JSON.parse(text("schema/config.json"));
const misfits = (content: string) => misfitsOf(schema, parse(content, { merge: true }), schema);

const good = [
  ...readdirSync(new URL("../examples", import.meta.url))
    .map((name) => `examples/${name}/gateway.yaml`)
    .filter((path) => existsSync(new URL(`../${path}`, import.meta.url))),
  "test/fixtures/deck/everything.yaml",
  "test/fixtures/deck/partials.yaml",
];

const head = '_format_version: "3.0"\n';
const plugin = (config: string, more = "") =>
  `${head}plugins:\n- name: ai-proxy-advanced\n  config: ${config}\n${more}`;
const target = "{route_type: llm/v1/chat, model: {provider: openai, name: a}}";

describe("lets pass", () => {
  it.each(good)("%s", (path) => {
    expect(misfits(text(path))).toEqual([]);
  });

  it("null where a field may be left out, as exports have it, and variables where a number stands", () => {
    const config = `{targets: [{route_type: llm/v1/chat, weight: '\${{ env "DECK_W" }}', description: null, auth: null, model: {provider: openai, name: a, options: {max_tokens: null}}}], balancer: {algorithm: null}, vectordb: null}`;
    expect(misfits(plugin(config))).toEqual([]);
  });

  it("a name with a variable in it, or that is a vault's", () => {
    for (const name of ['a-${{ env "DECK_STAGE" }}', "{vault://env/name}"])
      expect(misfits(`${head}services: [{host: a, name: '${name}'}]`), name).toEqual([]);
  });

  it("a plugin whose partials give what it leaves out", () => {
    expect(misfits(plugin("{}", "  partials: [{name: a}]\n"))).toEqual([]);
    expect(misfits(plugin("{targets: [{weight: 3}]}", "  partials: [{name: a}]\n"))).toEqual([]);
  });
});

describe("marks", () => {
  it.each([
    ["a plugin there is not", `${head}plugins: [{name: ai-proxi}]`, "options"],
    ["a field nobody knows", plugin(`{targets: [${target}], balancr: {}}`), "balancr is unknown"],
    ["a choice there is not", plugin(`{targets: [${target}], balancer: {algorithm: best}}`), "choices"],
    ["a name that is none", `${head}services: [{host: a, name: a b}]`, "does not match"],
    ["a missing field", plugin("{}"), "lacks targets"],
    ["a number too large", `${head}services: [{host: a, retries: 99999}]`, "too large"],
    [
      "null for a field that must be there",
      `${head}consumers: [{username: a, keyauth_credentials: [{key: null}]}]`,
      "is no",
    ],
  ])("%s", (_, content, fault) => {
    expect(misfits(content).join("\n")).toContain(fault);
  });
});
