import { describe, expect, it } from "vitest";
import { idNumbered, pluginSchemas, stored, testNow } from "../../test/support/control.ts";
import { tlsFile } from "../../test/support/entity-samples.ts";
import { loadConfig, loadDocument } from "../config/load.ts";
import { plugins } from "../plugins/index.ts";
import { completed } from "./complete.ts";
import { completeRecord, documentOf, entitiesOf } from "./document.ts";
import { EntitySet, membershipOf, type StoredRecord } from "./entity-set.ts";
import { kindOf } from "./kinds.ts";

const idOf = (number: number) => ({ id: idNumbered(number) });
const options = { file: "entities", env: {}, plugins };

const proxy = {
  targets: [
    {
      route_type: "llm/v1/chat",
      auth: { header_name: "Authorization", header_value: "Bearer sk-1" },
      model: { provider: "openai", name: "gpt-4o", options: { temperature: 0.2 } },
    },
  ],
};

/** One of every kind that may be kept, each with something beside its defaults. */
const records = [
  stored("service", 1, { name: "chat", host: "a.example", tags: ["x"] }),
  stored("route", 2, { name: "ask", paths: ["/ask"], service: idOf(1), headers: { "x-a": ["1"] } }),
  stored("plugin", 3, { name: "ai-proxy-advanced", route: idOf(2), config: proxy }),
  stored("plugin", 4, { name: "key-auth" }),
  stored("plugin", 5, { name: "http-log", consumer: idOf(6), config: { http_endpoint: "http://a/" } }),
  stored("consumer", 6, { username: "ada", custom_id: "7" }),
  stored("keyauth_credential", 7, { key: "k", ttl: 60, consumer: idOf(6) }),
  stored("consumer_group", 8, { name: "team" }),
  stored("upstream", 9, { name: "hosts" }),
  stored("certificate", 10, { cert: tlsFile("client.crt"), key: tlsFile("client.key") }),
  stored("sni", 11, { name: "a.example", certificate: idOf(10) }),
  stored("ca_certificate", 12, { cert: tlsFile("ca.crt") }),
  stored("vault", 13, { name: "env", prefix: "mine", config: { prefix: "a_" } }),
  stored("partial", 14, { name: "redis", type: "redis-ee", config: { host: "h" } }),
  stored("target", 15, { target: "10.0.0.1:8080", upstream: idOf(9) }),
  membershipOf({ consumer: idNumbered(6), group: idNumbered(8) }),
];
const entities = EntitySet.of(records);

const byKey = (set: EntitySet) =>
  Object.fromEntries(set.all().map((each) => [`${each.kind} ${each.id}`, each.record]));

describe("entities as a document", () => {
  it("are loaded, and come back as the same entities", () => {
    const { entities: loaded, problems } = loadDocument(documentOf(entities).content, options);
    expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(byKey(entitiesOf(loaded(), pluginSchemas, testNow + 99))).toEqual(byKey(entities));
  });

  it("say the same in full as with what was given alone: no setting has another meaning when it is written out", () => {
    const written = {
      _format_version: "3.0",
      services: [{ ...idOf(1), name: "chat", host: "a.example", tags: ["x"] }],
      routes: [{ ...idOf(2), name: "ask", paths: ["/ask"], service: "chat", headers: { "x-a": ["1"] } }],
      plugins: [
        { ...idOf(3), name: "ai-proxy-advanced", route: "ask", config: proxy },
        { ...idOf(4), name: "key-auth" },
        { ...idOf(5), name: "http-log", consumer: "ada", config: { http_endpoint: "http://a/" } },
      ],
      consumers: [{ ...idOf(6), username: "ada", custom_id: "7", groups: ["team"] }],
      keyauth_credentials: [{ ...idOf(7), key: "k", ttl: 60, consumer: "ada", created_at: testNow }],
      consumer_groups: [{ ...idOf(8), name: "team" }],
      certificates: [
        { ...idOf(10), cert: tlsFile("client.crt"), key: tlsFile("client.key"), snis: ["a.example"] },
      ],
    };
    const brief = loadConfig(JSON.stringify(written), options);
    const full = loadDocument(documentOf(entities).content, options);
    expect(full.config).toEqual(brief.config);
  });

  it("give no notice or warning about defaults that were written out", () => {
    const used = entities.list(kindOf("plugin")).map((record) => ({ kind: "plugin", id: record.id, record }));
    const all = EntitySet.of([...records.slice(0, 8), ...used]);
    const { problems } = loadDocument(documentOf(all).content, options);
    expect(problems.map(({ message, path }) => `${path}: ${message}`)).toEqual([]);
  });

  it("are older ones first, then by id, whatever order they came in", () => {
    const services = [
      stored("service", 3, { host: "a", created_at: 5 }),
      stored("service", 1, { host: "a", created_at: 9 }),
      stored("service", 2, { host: "a", created_at: 5 }),
    ];
    for (const order of [services, services.toReversed()]) {
      const { content } = documentOf(EntitySet.of(order));
      expect((content["services"] as { id: string }[]).map(({ id }) => id)).toEqual(
        [2, 3, 1].map(idNumbered),
      );
    }
  });

  it("are located by the paths of the document", () => {
    const document = documentOf(entities);
    expect(document.locate(["plugins", 0, "config", "targets", 0])).toMatchObject({
      kind: { name: "plugin" },
      record: idOf(3),
      rest: ["config", "targets", 0],
    });
    for (const path of [[], ["plugins"], ["plugins", 9], ["nothing", 0], ["_format_version"]])
      expect(document.locate(path)).toBeUndefined();
  });

  it("are none where nothing is configured", () => {
    expect(documentOf(EntitySet.empty).content).toEqual({ _format_version: "3.0" });
  });
});

describe("the entities of a file", () => {
  const text = `_format_version: "3.0"
services:
- name: chat
  url: https://a.example/v1
  routes:
  - name: ask
    paths: [/ask]
    plugins:
    - name: key-auth
consumers:
- username: ada
  keyauth_credentials: [{ key: "{vault://env/ada-key}" }]
  groups: [team]
consumer_groups:
- name: team
`;
  const { entities: loaded } = loadConfig(text, { ...options, env: { ADA_KEY: "k" } });
  const set = entitiesOf(loaded(), pluginSchemas, testNow);
  const only = (kind: string) => set.list(kindOf(kind))[0];

  it("are flat, in full, and as old as the file's reading", () => {
    expect(only("service")).toMatchObject({
      host: "a.example",
      protocol: "https",
      port: 443,
      created_at: testNow,
    });
    expect(only("route")).toMatchObject({ service: { id: only("service")?.id }, strip_path: true });
    expect(only("plugin")).toMatchObject({
      route: { id: only("route")?.id },
      config: { key_names: ["apikey"] },
    });
    for (const field of ["routes", "plugins", "url"]) expect(only("service")).not.toHaveProperty(field);
  });

  it("keep references to vaults, not what these had", () => {
    expect(only("keyauth_credential")).toMatchObject({
      key: "{vault://env/ada-key}",
      consumer: { id: only("consumer")?.id },
    });
  });

  it("have memberships as entities of their own", () => {
    expect(set.memberships()).toEqual([
      { consumer: only("consumer")?.id, group: only("consumer_group")?.id },
    ]);
    expect(only("consumer")).not.toHaveProperty("groups");
  });
});

describe("partials that are kept in full", () => {
  const model = { route_type: "llm/v1/chat", model: { provider: "openai", name: "a" } };
  const vectors = { strategy: "redis", dimensions: 3, distance_metric: "cosine", threshold: 0.5 };
  const embeddings = { model: { provider: "openai", name: "e" } };
  const redis = { host: "h", port: 7000 };
  const limit = { strategy: "redis", sync_rate: 0, policies: [{ limits: [{ limit: 1, window_size: 60 }] }] };
  const cases = [
    ["model", { ...model, weight: 7 }, "ai-proxy-advanced", {}],
    ["model", { weight: 7 }, "ai-proxy-advanced", { targets: [{ ...model, weight: 100 }] }],
    ["model", model, "ai-proxy", {}],
    ["vectordb", vectors, "ai-proxy-advanced", { targets: [model] }],
    ["vectordb", vectors, "ai-proxy-advanced", { targets: [model], vectordb: { threshold: 0.5 } }],
    ["embeddings", embeddings, "ai-proxy-advanced", { targets: [model] }],
    ["redis-ee", redis, "ai-proxy-advanced", { targets: [model], vectordb: vectors }],
    ["redis-ce", redis, "ai-rate-limiting-advanced", limit],
  ] as const;
  const alone = (type: string, config: object) => stored("partial", 1, { name: "mine", type, config });
  const linked = (name: string, config: object) =>
    stored("plugin", 2, { name, config, partials: [{ ...idOf(1), path: null }] });
  const load = (...records: readonly StoredRecord[]) =>
    loadDocument(documentOf(EntitySet.of(records)).content, options);
  const errorsOf = ({ problems }: ReturnType<typeof load>) =>
    problems.filter(({ severity }) => severity === "error").map(({ message, path }) => `${path}: ${message}`);

  it.each(cases)("%s %j are the same in %s with %j", (type, given, name, config) => {
    const kept = [alone(type, given), linked(name, config)];
    expect(errorsOf(load(kept[0] as StoredRecord))).toEqual([]);
    const full = load(...kept);
    expect(errorsOf(full)).toEqual([]);
    const written = {
      _format_version: "3.0",
      partials: [{ ...idOf(1), name: "mine", type, config: given }],
      plugins: [{ ...idOf(2), name, config, partials: [{ name: "mine" }] }],
    };
    expect(full.config).toEqual(loadConfig(JSON.stringify(written), options).config);
    // As decK sends a plugin: with every default, those of the linked block included.
    const whole = completed(pluginSchemas.configOf(name) ?? {}, config) as object; // a block gives a block
    expect(errorsOf(load(alone(type, given), linked(name, whole)))).toEqual([]);
    expect(load(alone(type, given), linked(name, whole)).config).toEqual(full.config);
  });

  it("leave their place in the plugin as it is; all else is there with its default, entries of lists included", () => {
    const links = ["config.vectordb.redis", "config.embeddings", "config.targets[0]"].map((path) => ({
      ...idOf(1),
      path,
    }));
    const config = { targets: [model], vectordb: { ...vectors, redis: { port: 7 } } };
    const record = completeRecord(
      kindOf("plugin"),
      { name: "ai-proxy-advanced", partials: links, config },
      pluginSchemas,
    );
    expect(record["config"]).toMatchObject({
      embeddings: null,
      balancer: { algorithm: "round-robin" },
      targets: [{ weight: 100, model: { name: "a", model_alias: null } }],
      vectordb: { strategy: "redis", redis: { port: 7 }, pgvector: null },
    });
    expect(record).not.toHaveProperty("config.vectordb.redis.host");
  });
});
