import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../config/load.ts";
import { plugins } from "../../plugins/index.ts";
import { convert } from "./conversion.ts";
import type { Finding } from "./findings.ts";

const head = '_format_version: "3.0"\n';
const chat = "{route_type: llm/v1/chat, model: {provider: openai, name: a}}";
const proxy = `{name: ai-proxy-advanced, config: {targets: [${chat}]}}`;

const converted = (text: string, env: Record<string, string> = {}) => convert(text, "kong.yaml", env);
const unsupported = (text: string) => converted(text).findings.filter(({ group }) => group === "unsupported");
const tellings = (findings: readonly Finding[]) =>
  findings.map(({ leftOut, line, path }) => `${line} ${path}: ${leftOut}`);

/** Any variable has a value that suits it; what is left has no error. */
function errorsOf(text: string): string[] {
  const env = new Proxy(
    {},
    { get: (_, name) => (/PORT|DIM|COUNT/.test(String(name)) ? "3" : `v-${String(name)}`) },
  );
  return loadConfig(text, { file: "", env, plugins }).problems.flatMap(({ message, path, severity }) =>
    severity === "error" ? [`${path}: ${message}`] : [],
  );
}

describe("a file of Kong's", () => {
  it("stays what it is where all of it is supported, comments and variables included", () => {
    const text = `${head}# our models\nplugins:\n  - name: ai-proxy-advanced # for all\n    config:\n      targets:\n        - route_type: llm/v1/chat\n          auth: {header_name: Authorization, header_value: "Bearer \${{ env "DECK_KEY" }}"}\n          model: {provider: openai, name: a, options: {max_tokens: \${{ env "DECK_COUNT" }}}}\n`;
    const { document, findings, variables } = converted(text);
    expect(document.text()).toBe(text);
    expect(findings.filter(({ group }) => !["different", "better"].includes(group))).toEqual([]);
    expect(variables).toEqual(["DECK_KEY", "DECK_COUNT"]);
  });

  it("loses plugins that are not supported, each with a comment at its place and what its absence means", () => {
    const text = `${head}plugins:\n- {name: acl, config: {allow: [a]}}\n- ${proxy}\n- {name: my-own}\n`;
    const findings = unsupported(text);
    expect(tellings(findings)).toEqual(["3 plugins[0].name: plugin acl", "5 plugins[2].name: plugin my-own"]);
    expect(findings[0]?.consequence).toMatch(/^It decides who gets through\. Without it everybody/);
    const result = converted(text).document.text();
    expect(result).toMatch(
      /^plugins:\n {2}# left out by sluice convert \(plugin acl, line 3 of the source\): plugin `acl` is not supported/m,
    );
    expect(result.split("\n").at(-3)).toMatch(/^ {2}# left out by sluice convert \(plugin my-own, line 5/);
    expect(errorsOf(result)).toEqual([]);
  });

  it("loses fields nobody knows alone, and what depends on something left out with it", () => {
    const text = `${head}services:\n- name: s\n  url: "http://a"\n  bogus: 1\n- name: t\n  url: "ftp://a"\n  routes: [{name: r, paths: [/r]}]\nplugins:\n- {name: key-auth, route: r}\nextra: {}\n`;
    expect(tellings(unsupported(text))).toEqual([
      "5 services[0].bogus: field bogus",
      "7 services[1].url: service t",
      "10 plugins[0].route: plugin key-auth",
      "11 extra: field extra",
    ]);
    expect(unsupported(text)[1]?.consequence).toBe("With it go its routes (1).");
    expect(errorsOf(converted(text).document.text())).toEqual([]);
  });

  it("keeps a consumer whose group is not there, and the plugin whose wish for an order cannot be met", () => {
    const text = `${head}consumers:\n- {username: ann, groups: [{name: gold}]}\nplugins:\n- {name: key-auth, ordering: {before: {access: [my-own]}}}\n`;
    expect(tellings(unsupported(text))).toEqual([
      "3 consumers[0].groups[0]: one of groups",
      "5 plugins[0].ordering.before.access[0]: field ordering",
    ]);
    const { document } = converted(text);
    expect(document.value([])).toMatchObject({
      consumers: [{ username: "ann" }],
      plugins: [{ name: "key-auth" }],
    });
    expect(errorsOf(document.text())).toEqual([]);
  });

  it("loses a field nobody knows and a reference nobody can follow, whatever variable or vault stands there", () => {
    const keys = '[{key: "{vault://env/a}"}, {key: "{vault://mine/b}"}]';
    const text = `${head}services:\n- name: s\n  url: "http://a"\n  bogus: \${{ env "DECK_X" }}\nvaults:\n- {name: aws, prefix: mine}\nconsumers:\n- {username: ann, keyauth_credentials: ${keys}}\n`;
    expect(tellings(unsupported(text))).toEqual([
      "5 services[0].bogus: field bogus",
      "9 consumers[0].keyauth_credentials[1].key: keyauth credential",
    ]);
    expect(errorsOf(converted(text).document.text())).toEqual([]);
  });

  it("loses a service that would trust others than it says", () => {
    const text = `${head}services:\n- {name: s, url: "https://a", ca_certificates: [00000000-0000-4000-8000-000000000001]}\n`;
    expect(tellings(unsupported(text))).toEqual(["3 services[0].ca_certificates[0]: service s"]);
  });

  it("keeps every comment, its own and what is left out, also of a list that gets empty", () => {
    const text = `${head}plugins:\n# one\n- {name: acl}\n# two\n- {name: my-own}\nservices: []\n`;
    const comments = converted(text)
      .document.text()
      .split("\n")
      .flatMap((line) => /^# (one|two|left out .*?\))/.exec(line)?.[1] ?? []);
    expect(comments).toEqual([
      "one",
      "left out by sluice convert (plugin acl, line 4 of the source)",
      "two",
      "left out by sluice convert (plugin my-own, line 6 of the source)",
    ]);
  });

  it("keeps a text that looks like what stands for a variable meanwhile", () => {
    const text = `${head}services:\n- {name: sluice-variable-0-, url: \${{ env "DECK_URL" }}}\n`;
    expect(converted(text).document.value(["services", 0, "name"])).toBe("sluice-variable-0-");
    expect(converted(text).document.text()).toContain(
      '{name: sluice-variable-0-, url: ${{ env "DECK_URL" }}}',
    );
  });

  it("is checked as if its variables fitted, but for those that are set", () => {
    const options = `{max_tokens: \${{ env "DECK_COUNT" }}, upstream_url: \${{ env "DECK_URL" }}}`;
    const config = `{response_streaming: \${{ env "DECK_MODE" }}, targets: [{route_type: llm/v1/chat, model: {provider: azure, name: "{vault://env/model/name}", options: ${options}}}]}`;
    const text = `${head}plugins:\n- {name: ai-proxy-advanced, config: ${config.replace("azure", "openai")}}\n`;
    expect(unsupported(text)).toEqual([]);
    const set = converted(text, { DECK_COUNT: "many", DECK_URL: "http://a", DECK_MODE: "allow" });
    expect(set.findings.filter(({ group }) => group === "unsupported").map(({ path }) => path)).toEqual([
      "plugins[0].config.targets[0].model.options.max_tokens",
    ]);
    expect(set.variables).toEqual([]);
  });

  it.each(["1.1", "2.1"])("of format %s has expressions marked and its format changed", (version) => {
    const text = `_format_version: "${version}"\nroutes:\n- {name: r, paths: ["/a/\\\\d+", /b]}\nservices:\n- {name: s, url: "http://a", routes: [{name: t, paths: [/c$]}]}\n`;
    const { document, findings } = converted(text);
    expect(document.value([])).toMatchObject({
      _format_version: "3.0",
      routes: [{ paths: ["~/a/\\d+", "/b"] }],
      services: [{ routes: [{ paths: ["~/c$"] }] }],
    });
    expect(findings.filter(({ group }) => group === "converted").map(({ path }) => path)).toEqual([
      "_format_version",
      "routes[0].paths[0]",
      "services[0].routes[0].paths[0]",
    ]);
    expect(errorsOf(document.text())).toEqual([]);
  });

  it("gets a format where it has none, or one without quotes", () => {
    for (const text of ["", "_format_version: 3.0\n", "_format_version:\n"].map(
      (line) => `${line}services: []\n`,
    ))
      expect(converted(text).document.text()).toBe('_format_version: "3.0"\nservices: []\n');
  });

  it("has aliases and merge keys written out, so that what they stand for can go", () => {
    const text = `${head}plugins:\n- &own {name: my-own, enabled: true}\n- {<<: *own, name: key-auth}\n- *own\n`;
    const { document, findings } = converted(text);
    expect(document.value(["plugins"])).toEqual([{ name: "key-auth", enabled: true }]);
    expect(findings.filter(({ group }) => group === "converted").map(({ message }) => message)).toEqual([
      "2 YAML aliases: what they stand for is written out",
    ]);
    expect(errorsOf(document.text())).toEqual([]);
  });

  it("in JSON becomes blocks, or JSON again", () => {
    const text = `{"_format_version": "3.0", "plugins": [{"name": "acl"}, ${JSON.stringify({ name: "key-auth", config: { key_names: ['${{ env "DECK_N" }}'] } }).replaceAll('\\"', '"')}]}`;
    const { document } = converted(text);
    expect(document.text()).toMatch(/^"plugins":\n {2}# left out/m);
    expect(errorsOf(document.text())).toEqual([]);
    const json: unknown = JSON.parse(document.json().replace('${{ env \\"DECK_N\\" }}', "n"));
    expect(json).toEqual({
      _format_version: "3.0",
      plugins: [{ name: "key-auth", config: { key_names: ["n"] } }],
    });
  });

  it("is told its known differences and gains, each once and by what it uses", () => {
    const { findings } = converted(
      `${head}plugins:\n- ${proxy}\n- {name: prometheus, route: x}\nroutes:\n- {name: x, paths: [/x], plugins: [${proxy}]}\n`,
    );
    const told = findings.filter(({ group }) => group === "different" || group === "better");
    expect(new Set(told.map(({ message }) => message)).size).toBe(told.length);
    const text = told.map(({ message }) => message).join("\n");
    expect(text).toMatch(/503 where Kong answers 500/);
    expect(text).toMatch(/127\.0\.0\.1:8001/);
    expect(text).not.toMatch(/threshold|plugin prometheus/);
    for (const { see } of told)
      expect(readFileSync(new URL(`../../../docs/guide/${see}`, import.meta.url), "utf8")).not.toBe("");
  });
});

describe("of services and upstreams", () => {
  const told = (text: string) =>
    converted(head + text)
      .findings.filter(({ see }) => see === "upstreams.md")
      .map(({ line, path }) => `${line} ${path}`);

  it("is told what differs in them, by what the file says", () => {
    expect(told('services:\n- {name: a, url: "http://a"}\n- {name: b, url: "https://b"}\n')).toEqual([
      "4 services[1]",
    ]);
    expect(told("services:\n- {name: a, host: b, protocol: https, tls_verify: null}\n")).toHaveLength(1);
    expect(told("services:\n- {name: a, host: b, protocol: https, tls_verify: true}\n")).toEqual([]);
    expect(told("upstreams:\n- {name: a}\n- {name: b}\n")).toEqual(["3 upstreams[0]"]);
    expect(told("upstreams: nonsense\nservices: [5]\n")).toEqual([]);
  });
});

describe("what is no config file", () => {
  it.each([
    ["a: [1", /^kong\.yaml:1:\d+: error: .*; nothing was converted$/],
    ["- a\n", /expected fields such as _format_version/],
    ["", /the file is empty/],
    [`${head}---\na: 1\n`, /^kong\.yaml:2:1: error: another document begins here/],
    ['_format_version: "4.0"\n', /must be 3\.0, 2\.1 or 1\.1; nothing was converted/],
    [`${head}plugins: &a [*a]\n`, /is too big: .*aliases included; nothing was converted$/],
    [`${head}plugins: *a\n`, /\*a refers to an anchor that is not defined before it/],
    [`${head}a: \${{ env "HOME" }}\n`, /its name must begin with DECK_/],
  ])("is refused as a whole: %j", (text, message) => {
    expect(() => converted(text)).toThrow(message);
  });
});

describe("every file of ours", () => {
  const folder = new URL("../../../test/fixtures/config/", import.meta.url);
  const names = readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => /\.(ya?ml|json)$/.test(name));

  it.each(names)("%s becomes one that loads, of which nothing more is left out", (name) => {
    const text = readFileSync(new URL(name, folder), "utf8");
    const first = converted(text);
    const result = first.document.text();
    const second = converted(result);
    expect(second.findings.filter(({ group }) => group === "unsupported" || group === "converted")).toEqual(
      [],
    );
    expect(second.document.text()).toBe(result);
  });
});
