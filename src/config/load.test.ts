import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { checkAiProxy } from "../plugins/ai-proxy/config.ts";
import { aiProxyConfig } from "../plugins/ai-proxy/config.ts";
import { checkAiProxyAdvanced, type SupportedNames } from "../plugins/ai-proxy-advanced/checks.ts";
import { aiProxyAdvancedConfig } from "../plugins/ai-proxy-advanced/config.ts";
import { definePlugin, type PluginDefinition } from "../plugins/plugin.ts";
import { formatProblem, type LoadResult, loadConfig } from "./load.ts";

const supported: SupportedNames = {
  providers: ["anthropic", "openai"],
  algorithms: ["round-robin", "semantic"],
  embedders: ["openai", "local"],
  vectorStores: ["memory", "redis"],
  routeTypes: ["llm/v1/chat"],
};

const create = () => ({});
const plugins: readonly PluginDefinition[] = [
  definePlugin({
    name: "ai-proxy-advanced",
    summary: "",
    config: aiProxyAdvancedConfig,
    check: (config) => checkAiProxyAdvanced(config, supported),
    create,
  }),
  definePlugin({ name: "ai-proxy", summary: "", config: aiProxyConfig, check: (config) => checkAiProxy(config, supported), create }),
];

const env = {
  DECK_OPENAI_API_KEY: "sk-open",
  DECK_ANTHROPIC_API_KEY: "sk-anthropic",
  DECK_DEEPSEEK_API_KEY: "sk-deep",
  DECK_REDIS_HOST: "redis.invalid",
  OPENAI_KEY: "Bearer sk-vault",
  TEAM_ANTHROPIC: '{"api_key":"sk-team"}',
};

function load(text: string, extra: Record<string, string> = {}): LoadResult {
  return loadConfig(text, { file: "gateway.yaml", env: { ...env, ...extra }, plugins });
}

function fixture(name: string): string {
  return readFileSync(new URL(`../../test/fixtures/config/${name}`, import.meta.url), "utf8");
}

function lines(text: string, extra: Record<string, string> = {}): string[] {
  return load(text, extra).problems.map(formatProblem);
}

function errors({ problems }: LoadResult): string[] {
  return problems.filter(({ severity }) => severity === "error").map(formatProblem);
}

const head = '_format_version: "3.0"\n';

describe("files that are good", () => {
  it.each(["seed.yaml", "local.yaml", "round-robin.yaml", "semantic-with-fallback.yaml", "single-targets.yaml", "exported.json"])(
    "loads %s without an error",
    (name) => {
      const result = load(fixture(name));
      expect(errors(result)).toEqual([]);
      expect(result.config).toBeDefined();
    },
  );

  it("flattens the seed scenario: one service, its route, one global plugin with three targets", () => {
    const { config } = load(fixture("seed.yaml"));
    expect(config?.services).toMatchObject([
      { name: "example-service", protocol: "http", host: "httpbin.konghq.com", port: 80, path: "/anything", connectTimeoutMs: 60000 },
    ]);
    expect(config?.routes).toMatchObject([
      { name: "example-route", service: config?.services[0]?.id, paths: ["/anything"], stripPath: true, pathHandling: "v0" },
    ]);
    expect(config?.plugins).toMatchObject([{ name: "ai-proxy-advanced", enabled: true, scope: { kind: "global" }, path: "plugins[0]" }]);
    const plugin = aiProxyAdvancedConfig.parse(config?.plugins[0]?.config);
    expect(plugin.targets.map(({ model }) => [model.name, model.options.max_tokens, model.options.temperature])).toEqual([
      ["gpt-3.5-turbo", 826, 0],
      ["gpt-4o", 512, 0.3],
      ["gpt-4o-mini", 256, 1],
    ]);
    expect(plugin.targets[0]?.auth.header_value).toBe("Bearer sk-open");
  });

  it("says what stands in for blocks that a semantic balancer leaves out", () => {
    expect(lines(fixture("local.yaml"))).toEqual([
      expect.stringMatching(/^gateway.yaml:8:9: notice: routes\[0\].plugins\[0\].config.vectordb: without a vectordb block .* threshold is 0.7/),
      expect.stringMatching(/^gateway.yaml:8:9: notice: .*config.embeddings: without an embeddings block/),
    ]);
  });

  it("follows anchors and merge keys", () => {
    const config = aiProxyAdvancedConfig.parse(load(fixture("round-robin.yaml")).config?.plugins[0]?.config);
    expect(config.targets.map(({ auth, weight, model }) => [auth.header_value, weight, model.name])).toEqual([
      ["Bearer sk-open", 70, "gpt-4"],
      ["Bearer sk-open", 25, "gpt-4o-mini"],
      ["Bearer sk-open", 5, "gpt-3"],
    ]);
  });

  it("fetches references from the environment, by field and by the prefix of a vault entity", () => {
    const config = aiProxyAdvancedConfig.parse(load(fixture("semantic-with-fallback.yaml")).config?.plugins[0]?.config);
    expect(config.targets.map(({ auth }) => auth.header_value)).toEqual(["Bearer sk-vault", "sk-team", "Bearer sk-vault"]);
  });

  it("takes null as absent and an export's own fields as harmless", () => {
    const result = load(fixture("exported.json"));
    expect(result.problems).toEqual([]);
    expect(result.config?.routes[0]?.service).toBe("4a3cbb5c-3e3a-4f5c-9a55-111111111111");
    expect(result.config?.services[0]?.path).toBeUndefined();
  });

  it("freezes all of it", () => {
    const { config } = load(fixture("seed.yaml"));
    expect(Object.isFrozen(config?.plugins[0]?.config)).toBe(true);
    expect(Object.isFrozen(aiProxyAdvancedConfig.shape)).toBe(false);
    expect(() => (config?.routes as unknown[]).push(1)).toThrow(TypeError);
  });

  it("gives the same ids on every load, and after the file was rearranged", () => {
    const ids = (text: string) => load(text).config?.plugins.map(({ id }) => id);
    const one = fixture("single-targets.yaml");
    expect(ids(one)).toEqual(ids(one));
    expect(new Set(ids(one)).size).toBe(4);
    const twice = `${head}plugins:\n- {name: ai-proxy-advanced, config: {targets: [{route_type: llm/v1/chat, model: {provider: openai}}]}}\n`;
    const before = load(twice).config?.plugins[0]?.id;
    const after = load(
      twice.replace("plugins:\n", "plugins:\n- {name: ai-proxy, config: {route_type: llm/v1/chat, model: {provider: openai}}}\n"),
    ).config?.plugins[1]?.id;
    expect(after).toBe(before);
    expect(before).toMatch(/^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  });

  it("leaves out what hangs on a service that is switched off", () => {
    const { config } = load(fixture("single-targets.yaml").replace("host: models.invalid", "host: models.invalid\n    enabled: false"));
    expect(config).toMatchObject({ services: [], routes: [], plugins: [] });
  });
});

describe("files that are not worth reading", () => {
  it.each([
    ["", "1:1: error: the file is empty"],
    ["  \n\n", "1:1: error: the file is empty"],
    ["# only this\n", "1:1: error: the file holds nothing but comments"],
    ["- a\n- b\n", "1:1: error: expected fields such as _format_version, services and plugins at the top, found a list"],
    ["hello", "1:1: error: expected fields such as _format_version, services and plugins at the top, found a single value"],
    ["a: b\nPK\u0003\u0004\u0000", "2:3: error: the file is not a text: it holds the character U+0003"],
  ])("refuses %j", (text, message) => {
    const result = load(text);
    expect(result.config).toBeUndefined();
    expect(result.problems.map(formatProblem)).toEqual([expect.stringContaining(`gateway.yaml:${message}`)]);
  });

  it("refuses a huge file, deep nesting, and a small file that grows by aliases", () => {
    expect(lines("a".repeat(17 * 1024 * 1024))[0]).toContain("too large");
    expect(lines("[".repeat(20_000))[0]).toMatch(/error/);
    expect(lines(`${head}_info: ${"[".repeat(200)}${"]".repeat(200)}`).join()).toContain("nested at most 100 deep");
    const bomb = Array.from({ length: 9 }, (_, index) => `a${index}: &a${index} [${Array(9).fill(index === 0 ? "x" : `*a${index - 1}`)}]`);
    expect(lines(head + bomb.join("\n")).join()).toContain("is too big");
    expect(lines(`${head}services: &s [*s]\n`).join()).toMatch(/error/);
  });

  it("never throws, whatever it is given", () => {
    for (const text of ["\uFEFF", "{", "a: &a *a", "? [a]: b", "<<: x", "%YAML 9.9\n---\n", "a: !!binary x", "__proto__: {a: 1}", "--- a\n--- b"]) {
      expect(load(text).config).toBeUndefined();
    }
  });
});

describe("syntax", () => {
  it("points at YAML errors in the original file, without quoting it", () => {
    const text = `${head}plugins:\n- name: x\n  config: {a: "\${{ env "DECK_OPENAI_API_KEY" }}\n`;
    const found = lines(text);
    expect(found.length).toBeGreaterThan(0);
    expect(found[0]).toMatch(/^gateway.yaml:\d+:\d+: error: /);
    expect(found.join()).not.toContain("sk-open");
  });

  it("reports a field given twice, and everything else too", () => {
    expect(lines(`${head}services:\n- name: a\n  host: x\n  host: y\n  prot: 1\n`)).toEqual([
      "gateway.yaml:5:3: error: services[0].host: is given twice; keep one of them",
      "gateway.yaml:6:3: error: services[0].prot: unknown field `prot`: did you mean `port`?",
    ]);
  });
});

describe("substitution", () => {
  it("names every variable that is missing, where it is missing, and not those in comments", () => {
    const text = `${head}# \${{ env "DECK_NOBODY" }}\nservices:\n- name: a\n  host: \${{ env "DECK_HOST" }}\n  port: \${{ env "DECK_PORT" }}\n`;
    expect(lines(text)).toEqual([
      "gateway.yaml:5:9: error: environment variable DECK_HOST is not set",
      "gateway.yaml:6:9: error: environment variable DECK_PORT is not set",
    ]);
  });

  it("points at the original place behind values that span lines or change columns", () => {
    const text = `${head}services:\n- name: a\n  host: "\${{ env "DECK_LINES" }}" # long\n  oops: 1\n- {name: \${{ env "DECK_LONG" }}, host: b, oops: 1}\n`;
    expect(lines(text, { DECK_LINES: "a\n    b\n    c", DECK_LONG: "n".repeat(99) })).toEqual([
      expect.stringContaining("gateway.yaml:5:3: error: services[0].oops"),
      expect.stringContaining("gateway.yaml:6:43: error: services[1].oops"),
    ]);
  });

  it("reads a number out of a quoted variable, but not out of a quoted number", () => {
    const service = (port: string) => `${head}services: [{name: a, host: b, port: ${port}}]\n`;
    expect(load(service('"${{ env "DECK_PORT" }}"'), { DECK_PORT: "8080" }).config?.services[0]?.port).toBe(8080);
    expect(lines(service('"8080"'))).toEqual([
      "gateway.yaml:2:37: error: services[0].port: expected a number, found a text: write the number without quotes",
    ]);
    expect(lines(service('"1${{ env "DECK_PORT" }}"'), { DECK_PORT: "8080" })).toHaveLength(1);
    expect(lines(service('"${{ env "DECK_PORT" }}"'), { DECK_PORT: "http" })[0]).toContain("expected a number, found a text");
  });

  it("takes a number from a variable as a text where a text is wanted", () => {
    const text = `${head}services: [{name: \${{ env "DECK_PIN" }}, host: b}]\n`;
    expect(load(text, { DECK_PIN: "0012" }).config?.services[0]?.name).toBe("0012");
    expect(lines(`${head}services: [{name: 12, host: b}]\n`)[0]).toContain("expected a text, found a number: put it in quotes");
  });
});

describe("vault references", () => {
  const service = (host: string) => `${head}services: [{name: a, host: "${host}"}]\n`;

  it.each([
    ["{vault://env/not-there}", "environment variable NOT_THERE, which this vault reference stands for, is not set"],
    ["{vault://hcv/secret/key}", 'vault "hcv" is not supported by this version (supported: env)'],
    ["Bearer {vault://env/openai-key}", "a vault reference must be the whole text"],
    ["{vault://env/openai-key/field}", "environment variable OPENAI_KEY does not hold a JSON object"],
    ["{vault://env/team-anthropic/other}", "the JSON in environment variable TEAM_ANTHROPIC has no field other"],
    ["{vault://env/a/b/c}", 'vault reference to "a/b/c" cannot be read: give a key'],
  ])("refuses %s", (reference, message) => {
    const found = lines(service(reference));
    expect(found).toEqual([expect.stringContaining(`gateway.yaml:2:28: error: services[0].host: ${message}`)]);
    expect(found.join()).not.toContain("sk-");
  });

  it("accepts a prefix in the reference and turns numbers into numbers", () => {
    const text = `${head}services: [{name: a, host: "{vault://env/host?prefix=my-}", port: "{vault://env/port}"}]\n`;
    expect(load(text, { MY_HOST: "h", PORT: "81" }).config?.services[0]).toMatchObject({ host: "h", port: 81 });
  });
});

describe("the top of the file", () => {
  it.each([
    ["services: []\n", '1:1: error: _format_version: is required but missing: begin the file with _format_version: "3.0"'],
    ['_format_version: "1.1"\n', "1:18: error: _format_version: must be \"3.0\", the only version of the format that is read, found 1.1"],
    ["_format_version: 3.0\n", '1:18: error: _format_version: expected a text, found a number: put it in quotes, "3.0"'],
    [`${head}service: []\n`, "2:1: error: service: unknown field `service`: did you mean `services`?"],
    [`${head}services: {a: b}\n`, "2:1: error: services: expected a list of services"],
    [`${head}services: [a]\n`, "2:12: error: services[0]: expected the fields of a service"],
  ])("refuses %j", (text, message) => {
    expect(lines(text)).toEqual([expect.stringContaining(message)]);
  });

  it("gives one notice for each kind of entity that nothing acts on", () => {
    const text = `${head}_transform: false\n_info: {select_tags: [a]}\nconsumers:\n- username: a\n- username: b\n  keyauth_credentials: [{key: k}]\nupstreams: []\npartials: null\nlicenses: [{payload: x}]\n`;
    expect(lines(text)).toEqual([
      "gateway.yaml:2:1: notice: _transform: accepted, not acted on yet",
      "gateway.yaml:4:1: notice: consumers: accepted, not acted on yet",
      "gateway.yaml:10:1: notice: licenses: accepted, not acted on yet",
    ]);
    expect(load(text).config).toBeDefined();
  });
});

describe("entities", () => {
  it("reports references that lead nowhere, with the nearest name", () => {
    const text = `${head}services: [{name: example-service, host: h}]\nroutes:\n- {name: r, paths: [/], service: exmaple-service}\n- {name: q, paths: [/], service: {name: other}}\nplugins:\n- {name: ai-proxy, route: z, config: {route_type: llm/v1/chat, model: {provider: openai}}}\n`;
    expect(lines(text)).toEqual([
      "gateway.yaml:4:34: error: routes[0].service: there is no service `exmaple-service` in this file: did you mean `example-service`?",
      "gateway.yaml:5:25: error: routes[1].service: there is no service `other` in this file",
      "gateway.yaml:7:27: error: plugins[0].route: there is no route `z` in this file",
    ]);
  });

  it("reports names, ids and plugin scopes that are given twice", () => {
    const proxy = "{name: ai-proxy, config: {route_type: llm/v1/chat, model: {provider: openai}}}";
    const text = `${head}services:\n- {name: a, host: h}\n- {name: a, host: h}\nplugins:\n- ${proxy}\n- ${proxy}\n`;
    expect(lines(text)).toEqual([
      "gateway.yaml:4:10: error: services[1].name: another service has the name `a` already (services[0], line 3)",
      "gateway.yaml:7:10: error: plugins[1].name: the plugin is set up for the same requests already (plugins[0], line 6); keep one of them",
    ]);
  });

  it("scopes a plugin by its place and by its references", () => {
    const config = "config: {route_type: llm/v1/chat, model: {provider: openai}}";
    const text = `${head}services:\n- name: s\n  host: h\n  plugins: [{name: ai-proxy, ${config}}]\n  routes:\n  - name: r\n    paths: [/]\n    plugins: [{name: ai-proxy, ${config}}]\nplugins:\n- {name: ai-proxy, service: s, route: {name: r}, enabled: false, ${config}}\n`;
    const { config: loaded, problems } = load(text);
    expect(problems).toEqual([]);
    const [service] = loaded?.services ?? [];
    const [route] = loaded?.routes ?? [];
    expect(loaded?.plugins.map(({ enabled, scope }) => [enabled, scope])).toEqual([
      [true, { kind: "service", service: service?.id }],
      [true, { kind: "route", route: route?.id }],
      [false, { kind: "service-route", service: service?.id, route: route?.id }],
    ]);
  });

  it("refuses a plugin for a consumer or a group, wherever it says so", () => {
    const config = "config: {route_type: llm/v1/chat, model: {provider: openai}}";
    const text = `${head}consumers:\n- username: b\n- username: a\n  plugins: [{name: ai-proxy, ${config}}]\nplugins:\n- {name: ai-proxy, consumer: b, ${config}}\n`;
    expect(errors(load(text))).toEqual([
      expect.stringContaining("consumers[1].plugins[0]: a plugin for one consumer is not supported by this version"),
      expect.stringContaining("plugins[0].consumer: a plugin for one consumer is not supported by this version"),
    ]);
  });

  it("tells a plugin of Kong's that we lack from one that is misspelt", () => {
    expect(lines(`${head}plugins: [{name: key-auth}, {name: ai-proxy-advnced}, {name: zzz}]\n`)).toEqual([
      expect.stringContaining("plugin `key-auth` is not supported by this version (supported: ai-proxy-advanced, ai-proxy)"),
      expect.stringContaining("there is no plugin `ai-proxy-advnced`: did you mean `ai-proxy-advanced`?"),
      expect.stringContaining("there is no plugin `zzz` (supported: ai-proxy-advanced, ai-proxy)"),
    ]);
  });

  it("validates a plugin that is switched off", () => {
    expect(lines(`${head}plugins: [{name: ai-proxy, enabled: false}]\n`)).toEqual([
      expect.stringContaining("plugins[0].config.route_type: is required but missing (one of "),
      "gateway.yaml:2:11: error: plugins[0].config.model: is required but missing",
    ]);
  });

  it.each([
    ["{name: a}", "services[0].host: must set host, or url as a shorthand for it"],
    ["{name: a, url: example.com}", "services[0].url: must be a full URL"],
    ["{name: a, url: 'tcp://a:1'}", "services[0].url: protocol tcp is not supported by this version (supported: http, https)"],
    ["{name: a, host: b, port: 70000}", "services[0].port: must be between 0 and 65535, found 70000"],
    ["{name: a, host: b, enabled: yes}", "services[0].enabled: expected true or false, found a text: write true or false, without quotes"],
    ["{name: a, host: b, protocol: htp}", "expected one of grpc, grpcs, http, https, tcp, tls, tls_passthrough, udp, ws, wss, found `htp`: did you mean `http`?"],
    ["{name: a, host: b, treshold: }", "services[0].treshold: unknown field `treshold`"],
    ["{name: a, host: b, routes: [{paths: [/a], id: x}]}", "services[0].routes[0].id: must be a UUID"],
    ["{name: a, host: b, routes: [{name: r}]}", "must set one of 'methods', 'hosts', 'headers', 'paths'"],
    ["{name: a, host: b, routes: [{paths: [a]}]}", "services[0].routes[0].paths[0]: should start with: / (fixed path) or ~/ (regex path)"],
    ["{name: a, host: b, routes: [{paths: ['~/(a']}]}", "services[0].routes[0].paths[0]: "],
    ["{name: a, host: b, routes: [{paths: [/], snis: [a]}]}", "snis is not supported by this version"],
    ["{name: a, host: b, routes: [{paths: [/], protocols: [tcp]}]}", "none of tcp is supported by this version"],
    ["{name: a, host: b, routes: [{paths: [/], service: c}]}", "there is no service `c`"],
  ])("refuses the service %s", (service, message) => {
    const result = load(`${head}services: [${service}]\n`);
    expect(errors(result)).toEqual([expect.stringContaining(message)]);
    expect(result.config).toBeUndefined();
  });

  it("reads a service's URL", () => {
    const services = `${head}services: [{url: "https://[::1]/a/b"}, {url: "http://x:81"}]\n`;
    expect(load(services).config?.services).toMatchObject([
      { protocol: "https", host: "::1", port: 443, path: "/a/b" },
      { protocol: "http", host: "x", port: 81, path: undefined },
    ]);
  });

  it("warns of a service whose host is an upstream that nothing acts on", () => {
    expect(lines(`${head}services: [{name: a, host: up}]\nupstreams: [{name: up}]\n`)).toEqual([
      expect.stringContaining("2:28: warning: services[0].host: is the name of an upstream"),
      expect.stringContaining("3:1: notice: upstreams: accepted"),
    ]);
  });

  it("fills in shared plugin settings", () => {
    const text = `${head}_plugin_configs: {chat: {route_type: llm/v1/chat, model: {provider: openai}}}\nplugins: [{name: ai-proxy, _config: chat, config: {model: {provider: anthropic, options: {anthropic_version: x}}}}]\n`;
    expect(aiProxyConfig.parse(load(text).config?.plugins[0]?.config)).toMatchObject({ route_type: "llm/v1/chat", model: { provider: "anthropic" } });
    expect(lines(text.replace("_config: chat", "_config: cat"))).toEqual([expect.stringContaining("no fields under `cat`"),]);
  });
});

describe("plugin settings", () => {
  const plugin = (config: string) => `${head}plugins:\n- name: ai-proxy-advanced\n  config:\n${config.replace(/^/gm, "    ")}\n`;
  const target = "{route_type: llm/v1/chat, model: {provider: openai, name: a}}";

  it("reports everything at once, in the order of the file", () => {
    const text = plugin(
      [
        "balancer: {algorithm: semantics, retries: 99999, threshold: 0.7}",
        "vectordb: {strategy: memory, treshold: 0.7, metric: cosine}",
        "targets:",
        "- {route_type: llm/v1/chat, model: {provider: opnai, options: {temperature: 9, max_tokens: 1.5}}, weight: '3'}",
        "- {model: {name: a}}",
      ].join("\n"),
    );
    expect(lines(text)).toEqual([
      expect.stringMatching(/^gateway.yaml:5:27: error: plugins\[0\].config.balancer.algorithm: expected one of .*, found `semantics`: did you mean `semantic`\?$/),
      "gateway.yaml:5:47: error: plugins[0].config.balancer.retries: must be between 0 and 32767, found 99999",
      "gateway.yaml:5:54: error: plugins[0].config.balancer.threshold: unknown field `threshold` here: it belongs in `vectordb`",
      "gateway.yaml:6:34: error: plugins[0].config.vectordb.treshold: unknown field `treshold`: did you mean `threshold`?",
      expect.stringContaining("gateway.yaml:6:49: error: plugins[0].config.vectordb.metric: unknown field `metric` (known: strategy, dimensions"),
      expect.stringContaining("gateway.yaml:8:51: error: plugins[0].config.targets[0].model.provider: expected one of anthropic"),
      "gateway.yaml:8:81: error: plugins[0].config.targets[0].model.options.temperature: must be between 0 and 5, found 9",
      expect.stringContaining("gateway.yaml:8:96: error: plugins[0].config.targets[0].model.options.max_tokens: expected a whole number"),
      expect.stringContaining("gateway.yaml:8:111: error: plugins[0].config.targets[0].weight: expected a number, found a text: write"),
      expect.stringContaining("gateway.yaml:9:7: error: plugins[0].config.targets[1].route_type: is required but missing (one of"),
      expect.stringContaining("gateway.yaml:9:8: error: plugins[0].config.targets[1].model.provider: is required but missing (one of"),
    ]);
  });

  it("never shows a secret, not even one in the wrong place", () => {
    const text = plugin(
      `targets:\n- {route_type: llm/v1/chat, auth: {header_name: 7, param_location: sk-inline}, model: {provider: "\${{ env "DECK_OPENAI_API_KEY" }}"}, \${{ env "DECK_SPILL" }}}`,
    );
    const found = lines(text, { DECK_SPILL: "sk-spill: 1" });
    expect(found.length).toBeGreaterThanOrEqual(4);
    expect(found.join("\n")).not.toMatch(/sk-/);
  });

  it("counts the same unused setting once, and says nothing of one that has its default value", () => {
    const priced = target.replace("name: a", "name: a, options: {cache_read_cost: 1}");
    const text = plugin(`balancer: {max_fails: 0, fail_timeout: 20000}\ntargets:\n- ${priced}\n- ${priced}\n- ${priced}`);
    expect(lines(text)).toEqual([
      "gateway.yaml:5:30: notice: plugins[0].config.balancer.fail_timeout: accepted, not acted on yet",
      "gateway.yaml:7:74: notice: plugins[0].config.targets[0].model.options.cache_read_cost: accepted, not acted on yet (also in 2 other places)",
    ]);
  });

  it("tells of deprecated settings what to use instead", () => {
    const text = plugin(`targets:\n- ${target.replace("name: a", "name: a, options: {upstream_path: /v2}")}`);
    expect(lines(text)).toEqual([expect.stringContaining("upstream_path: is deprecated. Path of the operation on the vendor's host. Prefer `upstream_url`.")]);
  });

  it("puts the findings of a plugin's own checks at their place", () => {
    const text = plugin(`balancer: {algorithm: priority}\ntargets:\n- ${target.replace("provider: openai", "provider: anthropic")}`);
    expect(lines(text)).toEqual([
      "gateway.yaml:5:27: error: plugins[0].config.balancer.algorithm: `priority` is not supported by this version (supported: round-robin, semantic)",
      "gateway.yaml:7:34: error: plugins[0].config.targets[0].model.options.anthropic_version: must set 'model.options.anthropic_version' for anthropic provider",
    ]);
  });
});

describe("files that decK itself was tried with", () => {
  it("refuses the old format by name and the targets that cannot work by path", () => {
    const file = (version: string) =>
      `_format_version: "${version}"\n_info:\n  select_tags: [ai]\nservices:\n- name: llm\n  url: http://localhost:32000\n  routes:\n  - name: chat\n    paths: ["~/chat$"]\n    methods: [POST]\n    plugins:\n    - name: ai-proxy-advanced\n      config:\n        balancer: {algorithm: semantic}\n        targets:\n        - route_type: llm/v1/chat\n          model: {provider: openai, name: gpt-4o}\nconsumers:\n- username: alice\n  keyauth_credentials:\n  - key: secret-1\n`;
    expect(errors(load(file("3.0")))).toEqual([
      "gateway.yaml:16:11: error: services[0].routes[0].plugins[0].config.targets[0].description: is required for the semantic algorithm: say what prompts this target is for, or CATCHALL",
    ]);
    expect(errors(load(file("1.1")))[0]).toContain('gateway.yaml:1:18: error: _format_version: must be "3.0"');
    const complete = file("3.0").replace("name: gpt-4o}", "name: gpt-4o}\n          description: Anything at all");
    expect(load(complete).config?.routes).toHaveLength(1);
  });

  it("knows upstreams, groups, memberships and vaults", () => {
    const text = `${head}upstreams:\n- name: up1\n  targets:\n  - target: 127.0.0.1:1\nconsumer_groups:\n- name: gold\nconsumers:\n- username: bob\n  groups: [{name: gold}]\n  acls: [{group: g1}]\nplugins:\n- name: ai-proxy-advanced\n  config: {targets: [{route_type: llm/v1/chat}]}\nvaults:\n- name: env\n  prefix: my-env\n  config: {prefix: X}\n`;
    expect(errors(load(text))).toEqual([
      "gateway.yaml:14:22: error: plugins[0].config.targets[0].model: is required but missing",
    ]);
  });
});
