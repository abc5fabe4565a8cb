import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { head } from "../../test/support/load-config.ts";
import { codeBlocks } from "../../test/support/readme.ts";
import type { AiProxyAdvancedConfig } from "../plugins/ai-proxy-advanced/config.ts";
import { plugins } from "../plugins/index.ts";
import { formatProblem, loadConfig } from "./load.ts";

const load = (text: string) => loadConfig(head + text, { file: "g.yaml", env: {}, plugins });
const lines = (text: string) => load(text).problems.map(formatProblem);

const target = "{route_type: llm/v1/chat, model: {provider: openai, name: a}}";
/** A plugin with one target, and what else is in `config` and beside it. */
const proxy = (beside: string, config = "") =>
  `- name: ai-proxy-advanced\n  ${beside}\n  config: {targets: [${target}]${config}}\n`;
const store = "- {name: store, type: vectordb, config: {strategy: memory, threshold: 0.4}}\n";
const server = "- {name: server, type: redis-ee, config: {host: cache.internal, port: 7000}}\n";

function proxyConfig(text: string, at = 0): AiProxyAdvancedConfig {
  const result = load(text);
  expect(result.problems.filter(({ severity }) => severity !== "notice").map(formatProblem)).toEqual([]);
  return result.config?.plugins[at]?.config as AiProxyAdvancedConfig; // the plugin's schema made it
}

describe("a type of partial", () => {
  it("has one schema, whichever plugin takes it", () => {
    const known = new Map<string, unknown>();
    for (const { partials = {} } of plugins)
      for (const [type, { schema }] of Object.entries(partials)) {
        expect(known.get(type) ?? schema, type).toBe(schema);
        known.set(type, schema);
      }
  });
});

describe("a linked partial", () => {
  it.each(["name: store", "id: 6f0a3a0e-6a3d-4c9e-9a51-0d0c8e3b8a11"])(
    "fills the block of its type, by %s",
    (link) => {
      const withId = store.replace("{name", "{id: 6f0a3a0e-6a3d-4c9e-9a51-0d0c8e3b8a11, name");
      const config = proxyConfig(`partials:\n${withId}plugins:\n${proxy(`partials: [{${link}}]`)}`);
      expect(config.vectordb).toMatchObject({ strategy: "memory", threshold: 0.4 });
    },
  );

  it("completes a block that the plugin has in part, and may repeat what the plugin says", () => {
    const text = `plugins:\n${proxy("partials: [{name: store}]", ", vectordb: {distance_metric: euclidean, threshold: 0.4}")}partials:\n${store}`;
    expect(proxyConfig(text).vectordb).toMatchObject({
      strategy: "memory",
      threshold: 0.4,
      distance_metric: "euclidean",
    });
  });

  it("can be followed by another that fills an inner block, at the usual place or where `path` says", () => {
    const vectors =
      "- {name: v, type: vectordb, config: {strategy: redis, dimensions: 3, distance_metric: cosine, threshold: 1}}\n";
    const links = "partials: [{name: v}, {name: server}, {name: server, path: config.state.redis}]";
    const config = proxyConfig(
      `partials:\n${vectors}${server}plugins:\n${proxy(links, ", state: {strategy: redis}")}`,
    );
    expect(config.vectordb?.redis).toMatchObject({ host: "cache.internal", port: 7000 });
    expect(config.state.redis).toMatchObject({ host: "cache.internal", port: 7000 });
  });

  it("fills the redis block of ai-rate-limiting-advanced", () => {
    const limit = "{match: [], limits: [{limit: 10, window_size: 60}]}";
    const result = load(
      `partials:\n${server}plugins:\n- name: ai-rate-limiting-advanced\n  partials: [{name: server}]\n  config: {strategy: redis, sync_rate: 0, policies: [${limit}]}\n`,
    );
    expect(result.problems.map(formatProblem)).toEqual([]);
    expect(result.config?.plugins[0]?.config).toMatchObject({ redis: { host: "cache.internal" } });
  });

  it("is the same for every plugin that links it, and changing it changes what they are", () => {
    const text = `partials:\n${store}services:\n- {name: s, url: "http://a", plugins: [{name: ai-proxy-advanced, partials: [{name: store}], config: {targets: [${target}]}}]}\nplugins:\n${proxy("partials: [{name: store}]")}`;
    const result = load(text);
    expect(result.config?.plugins.map(({ config }) => config)).toEqual([
      expect.objectContaining({ vectordb: expect.objectContaining({ threshold: 0.4 }) }),
      expect.objectContaining({ vectordb: expect.objectContaining({ threshold: 0.4 }) }),
    ]);
  });

  it("leaves the plugin's made-up id as it was", () => {
    const ids = [proxy("partials: [{name: store}]"), proxy("enabled: true")].map(
      (plugin) => load(`partials:\n${store}plugins:\n${plugin}`).config?.plugins[0]?.id,
    );
    expect(ids[0]).toBe(ids[1]);
  });
});

describe("a default that is written out says nothing", () => {
  const heavy =
    "- {name: heavy, type: model, config: {weight: 7, model: {options: {temperature: 0.2, input_cost: null}}, logging: {log_statistics: true}}}\n";
  const written =
    "{route_type: llm/v1/chat, weight: 100, logging: {log_statistics: false, log_payloads: false}, model: {provider: openai, name: a, options: {temperature: null, anthropic_version: null}}}";
  const full = (links: string, config: string) =>
    `- name: ai-proxy-advanced\n  partials: [${links}]\n  config: {${config}}\n`;

  it("of the plugin, as decK writes it: the partial's value stands", () => {
    const config = proxyConfig(
      `partials:\n${heavy}plugins:\n${full("{name: heavy}", `targets: [${written}]`)}`,
    );
    expect(config.targets[0]).toMatchObject({
      weight: 7,
      model: { options: { temperature: 0.2 } },
      logging: { log_statistics: true },
    });
  });

  it("of the partial, as the admin API keeps it: the plugin's value stands", () => {
    const light = heavy.replace("weight: 7", "weight: 100").replace("statistics: true", "statistics: false");
    const own = written.replace("weight: 100", "weight: 8").replace("statistics: false", "statistics: true");
    const config = proxyConfig(`partials:\n${light}plugins:\n${full("{name: heavy}", `targets: [${own}]`)}`);
    expect(config.targets[0]).toMatchObject({ weight: 8, logging: { log_statistics: true } });
  });

  it("between two others: these still contradict each other", () => {
    const other = heavy.replaceAll("heavy", "light").replace("weight: 7", "weight: 8");
    expect(
      lines(
        `partials:\n${heavy}${other}plugins:\n${full("{name: heavy}, {name: light}", `targets: [${written}]`)}`,
      ),
    ).toEqual([
      expect.stringMatching(
        /partials\[0\]\.config\.weight: contradicts .* \(partials\[1\]\.config\.weight, line 4\)/,
      ),
    ]);
  });

  it("beside an old way of saying the field, on either side", () => {
    const timeouts = "connect_timeout: 2000, send_timeout: 2000, read_timeout: 2000";
    for (const [shared, own] of [
      [timeouts, "timeout: 5"],
      ["timeout: 5", timeouts],
    ] as const) {
      const redis = `- {name: r, type: redis-ee, config: {${shared}}}\n`;
      const state = `state: {redis: {${own}}}`;
      const config = proxyConfig(
        `partials:\n${redis}plugins:\n${full("{name: r, path: config.state.redis}", `targets: [${target}], ${state}`)}`,
      );
      expect(config.state.redis).toMatchObject({ connect_timeout: 5, send_timeout: 5, read_timeout: 5 });
    }
  });

  it("within a list too, whose order of fields does not matter either", () => {
    const redis =
      "- {name: r, type: redis-ee, config: {sentinel_master: m, sentinel_nodes: [{host: a, port: 6379}]}}\n";
    const own = "state: {redis: {sentinel_nodes: [{host: a}], sentinel_role: master}}";
    const config = proxyConfig(
      `partials:\n${redis}plugins:\n${full("{name: r, path: config.state.redis}", `targets: [${target}], ${own}`)}`,
    );
    expect(config.state.redis).toMatchObject({ sentinel_nodes: [{ host: "a", port: 6379 }] });
    const turned = redis.replace("{host: a, port: 6379}", "{port: 7, host: a}");
    expect(
      lines(
        `partials:\n${turned}plugins:\n${full("{name: r, path: config.state.redis}", `targets: [${target}], ${own.replace("host: a", "host: a, port: 7")}`)}`,
      ),
    ).toEqual([]);
  });
});

describe("a partial of type model", () => {
  const gpt =
    "- {name: gpt, type: model, config: {route_type: llm/v1/chat, model: {provider: openai, name: gpt-4o}}}\n";
  const mini =
    "- {name: mini, type: model, config: {route_type: llm/v1/chat, weight: 7, model: {provider: openai, name: gpt-4o-mini}}}\n";

  it("is a target of its own where the plugin has none", () => {
    const config = proxyConfig(
      `partials:\n${gpt}${mini}plugins:\n- {name: ai-proxy-advanced, partials: [{name: mini}, {name: gpt}]}\n`,
    );
    expect(config.targets.map(({ model, weight }) => [model.name, weight])).toEqual([
      ["gpt-4o-mini", 7],
      ["gpt-4o", 100],
    ]);
  });

  it("completes every target where the plugin has some, or the one that `path` says", () => {
    const shared =
      "- {name: shared, type: model, config: {route_type: llm/v1/chat, model: {provider: openai, options: {temperature: 0.2}}}}\n";
    const heavy = "- {name: heavy, type: model, config: {weight: 3}}\n";
    const config = proxyConfig(
      `partials:\n${shared}${heavy}plugins:\n- name: ai-proxy-advanced\n  partials: [{name: shared}, {name: heavy, path: "config.targets[1]"}]\n  config: {targets: [{model: {name: a}}, {model: {name: b}}]}\n`,
    );
    expect(
      config.targets.map(({ model, weight }) => [model.name, model.options.temperature, weight]),
    ).toEqual([
      ["a", 0.2, 100],
      ["b", 0.2, 3],
    ]);
  });

  it("is completed by another at the entry it has become", () => {
    const heavy = "- {name: heavy, type: model, config: {weight: 3}}\n";
    const config = proxyConfig(
      `partials:\n${gpt}${mini}${heavy}plugins:\n- {name: ai-proxy-advanced, partials: [{name: mini}, {name: gpt}, {name: heavy, path: "config.targets[1]"}]}\n`,
    );
    expect(config.targets.map(({ weight }) => weight)).toEqual([7, 3]);
  });

  it("written out in full fits ai-proxy, which has no weight, unless it gives one", () => {
    const full = (weight: number) =>
      `- {name: full, type: model, config: {weight: ${weight}, description: null, route_type: llm/v1/chat, model: {provider: openai, name: a}}}\n`;
    const said = (weight: number) =>
      lines(`partials:\n${full(weight)}plugins:\n- {name: ai-proxy, partials: [{name: full}]}\n`);
    expect(said(100)).toEqual([]);
    expect(said(7)).toEqual([expect.stringContaining("partials[0].config.weight: unknown field `weight`")]);
  });

  it("is the whole config of ai-proxy", () => {
    const result = load(`partials:\n${gpt}plugins:\n- {name: ai-proxy, partials: [{name: gpt}]}\n`);
    expect(result.problems).toEqual([]);
    expect(result.config?.plugins[0]?.config).toMatchObject({ model: { name: "gpt-4o" } });
  });
});

describe("is refused, with its place:", () => {
  it("a link that leads nowhere or names nothing", () => {
    expect(
      lines(`partials:\n${store}plugins:\n${proxy("partials: [{name: stor}, {path: vectordb}]")}`),
    ).toEqual([
      "g.yaml:6:14: error: plugins[0].partials[0]: there is no partial `stor`: did you mean `store`?",
      "g.yaml:6:28: error: plugins[0].partials[1]: must name a partial with `name` or `id`",
    ]);
  });

  it("a type the plugin has no block for", () => {
    expect(
      lines(
        `partials:\n${store}plugins:\n- {name: key-auth, partials: [{name: store}]}\n- {name: ai-proxy, partials: [{name: store}]}\n`,
      ),
    ).toEqual([
      "g.yaml:5:31: error: plugins[0].partials[0]: key-auth has no block for a partial of type `vectordb`: it takes no partials",
      "g.yaml:6:31: error: plugins[1].partials[0]: ai-proxy has no block for a partial of type `vectordb`: it takes model",
    ]);
  });

  it("a path that is no block of its type, or an entry that is not there", () => {
    const model = "- {name: m, type: model, config: {weight: 3}}\n";
    expect(
      lines(
        `partials:\n${server}${model}plugins:\n${proxy('partials: [{name: server, path: config.redis}, {name: m, path: "config.targets[1]"}]')}`,
      ),
    ).toEqual([
      "g.yaml:7:35: error: plugins[0].partials[0].path: is no block that a partial of this type can fill: that is `config.vectordb.redis` or `config.state.redis`",
      "g.yaml:7:66: error: plugins[0].partials[1].path: leads to an entry that is not there: the list has 1, counted from 0",
    ]);
  });

  it("what contradicts the plugin, or another partial, without the values", () => {
    const other = "- {name: other, type: vectordb, config: {threshold: 0.5}}\n";
    expect(
      lines(
        `partials:\n${store}${other}plugins:\n${proxy("partials: [{name: store}, {name: other}]", ", vectordb: {strategy: redis}")}`,
      ),
    ).toEqual([
      "g.yaml:3:71: error: partials[0].config.threshold: contradicts what a linked partial gives it (partials[1].config.threshold, line 4): keep one of the two",
      expect.stringMatching(
        /^g\.yaml:8:\d+: error: plugins\[0\]\.config\.vectordb\.strategy: contradicts what a linked partial gives it \(partials\[0\]\.config\.strategy, line 3\): keep one of the two$/,
      ),
    ]);
  });

  it("another value than the partial's, not the same one from the environment", () => {
    const redis = "- {name: r, type: redis-ee, config: {port: 7000}}\n";
    const port = `"\${{ env "DECK_PORT" }}"`;
    const plugin = proxy(
      "partials: [{name: r, path: config.state.redis}]",
      `, state: {redis: {port: ${port}}}`,
    );
    const problems = (given: string) =>
      loadConfig(`${head}partials:\n${redis}plugins:\n${plugin}`, {
        file: "g.yaml",
        env: { DECK_PORT: given },
        plugins,
      }).problems.map(formatProblem);
    expect(problems("7000")).toEqual([]);
    expect(problems("7001")).toEqual([expect.stringContaining("state.redis.port: contradicts")]);
  });

  it("a partial that does not fit its block, whether it is linked or not, and once", () => {
    const bad = "- {name: bad, type: vectordb, config: {strategy: memori, treshold: 1}}\n";
    const said = [
      "g.yaml:3:50: error: partials[0].config.strategy: expected one of pgvector, redis, memory, found `memori`: did you mean `memory`?",
      "g.yaml:3:58: error: partials[0].config.treshold: unknown field `treshold`: did you mean `threshold`?",
    ];
    expect(lines(`partials:\n${bad}`)).toEqual(said);
    expect(lines(`partials:\n${bad}plugins:\n${proxy("partials: [{name: bad}]")}`)).toEqual(said);
  });

  it("what only the plugin can tell of a partial: at the partial, and for whom", () => {
    const redis =
      "- {name: store, type: vectordb, config: {strategy: redis, dimensions: 3, distance_metric: cosine}}\n";
    expect(
      lines(
        `partials:\n${redis}plugins:\n${proxy("partials: [{name: store}]", ", balancer: {algorithm: semantic}")}`,
      ),
    ).toContain(
      "g.yaml:3:33: error: partials[0].config.threshold: is required for the semantic algorithm: the largest distance at which a description still matches, e.g. 0.7 (as part of plugins[0].config)",
    );
  });

  it("two partials of one name", () => {
    expect(lines(`partials:\n${store}${server.replace("name: server", "name: store")}`)).toEqual([
      "g.yaml:4:10: error: partials[1].name: another partial has the name `store` already (partials[0], line 3)",
    ]);
  });
});

describe("is told:", () => {
  it("that no plugin of the build takes a type", () => {
    const { problems } = loadConfig(`${head}partials:\n${store}`, { file: "g.yaml", env: {}, plugins: [] });
    expect(problems.map(formatProblem)).toEqual([
      "g.yaml:3:23: notice: partials[0].type: no plugin of this version takes partials of this type: accepted, without effect",
    ]);
  });

  it("that nobody takes types called like what every object has", () => {
    for (const type of ["__proto__", "constructor"])
      expect(lines(`partials: [{name: a, type: ${type}, config: {host: b}}]\n`), type).toEqual([
        expect.stringContaining(`partials[0].type: expected one of embeddings, `),
        expect.stringContaining("no plugin of this version takes partials of this type"),
      ]);
  });

  it("what of a partial is deprecated, once for all that link it", () => {
    const old = server.replace("host", "timeout: 5, host");
    const links = proxy("partials: [{name: server, path: config.state.redis}]");
    expect(lines(`partials:\n${old}plugins:\n${links}`)).toEqual([
      expect.stringContaining("notice: partials[0].config.timeout: is deprecated."),
    ]);
  });
});

describe("the guide's example", () => {
  it("loads, and fills what it says", () => {
    const guide = readFileSync(new URL("../../docs/guide/plugins.md", import.meta.url), "utf8");
    const [text = ""] = codeBlocks(guide, "yaml");
    const env = { DECK_OPENAI_AUTH: "Bearer sk-guide" };
    const result = loadConfig(text, { file: "g.yaml", env, plugins });
    expect(result.problems).toEqual([]);
    expect(result.config?.plugins[0]?.config).toMatchObject({
      vectordb: { strategy: "redis", threshold: 0.6, redis: { host: "cache.internal" } },
      targets: [{ model: { name: "gpt-4o" } }],
    });
  });
});
