import { describe, expect, it } from "vitest";
import { createExchange } from "../../test/support/exchange.ts";
import { misfitsOf, resolved } from "../../test/support/json-schema.ts";
import type { Change } from "../control/change.ts";
import type { ControlPlane } from "../control/control-plane.ts";
import { completeRecord } from "../control/document.ts";
import { EntitySet, membershipOf, type StoredRecord } from "../control/entity-set.ts";
import { kindOf, kinds } from "../control/kinds.ts";
import { createPluginSchemas } from "../control/plugin-schemas.ts";
import { createCovers } from "../control/secrets.ts";
import { plugins } from "../plugins/index.ts";
import { createAdminApi } from "./admin.ts";
import { type OpenApiDocument, openApiDocument } from "./openapi.ts";
import { metricsPages } from "./status.ts";

type Json = Readonly<Record<string, unknown>>;

const document: OpenApiDocument = openApiDocument(plugins);
const methods = ["get", "post", "put", "patch", "delete"] as const;
const schemas = createPluginSchemas(plugins);

/** Of each kind the entity with its own id; everything it may refer to is there. */
const ids = new Map(
  kinds.map(({ name }, index) => [name, `00000000-0000-4000-8000-${String(index + 1).padStart(12, "0")}`]),
);

function idOf(kind: string): string {
  return ids.get(kind) ?? "";
}

/** Fields that must have a certain form to be shown as they are documented. */
const forms: Readonly<Record<string, Json>> = {
  plugin: { name: "http-log", config: { http_endpoint: "http://logs.example/secret" } },
  partial: { type: "model" },
  route: { paths: ["/"] },
};

const stored: readonly StoredRecord[] = [
  ...kinds.map((kind): StoredRecord => {
    const id = idOf(kind.name);
    const names = (kind.fields.required ?? []).map((field) => [field, `${kind.name}-${field}`]);
    const keys = kind.foreignKeys.map(({ field, to }) => [field, { id: idOf(to) }]);
    const times = { created_at: 1, updated_at: 1 };
    const given = {
      ...Object.fromEntries([...names, ...keys]),
      ...times,
      ...forms[kind.name],
      id,
      tags: ["one"],
    };
    return { kind: kind.name, id, record: completeRecord(kind, given, schemas) };
  }),
  membershipOf({ consumer: idOf("consumer"), group: idOf("consumer_group") }),
];

/** Says what a change would make, and changes nothing. */
const control: ControlPlane = {
  isWritable: true,
  place: "memory",
  entities: EntitySet.of(stored),
  hash: "0".repeat(32),
  fault: undefined,
  outage: undefined,
  change: async (_asker, plan): Promise<Change> => plan(control.entities),
  replaceAll: async () => undefined,
  audit: async () => [],
};

const handle = createAdminApi(
  {
    version: "0.0.0",
    nodeId: "",
    pid: 1,
    control,
    access: { token: undefined, secrets: "on-request" },
    covers: createCovers("key"),
    plugins,
    env: {},
    newId: () => "00000000-0000-4000-8000-00000000abcd",
    newSecret: () => "made-up",
    wallClock: () => 0,
    describe: () => ({}),
    reload: async () => ({ ok: true, messages: [] }),
    explain: async () => ({
      explanations: [
        { plugin: "", pluginId: "", algorithm: "", decision: undefined, target: undefined, targets: [] },
      ],
      plugins: [],
    }),
    upstreams: { states: async () => [], mark: async () => true },
  },
  () => () => undefined,
  metricsPages({ metrics: { render: () => ({ text: "", contentType: "text/plain" }) } }),
);

async function ask(method: string, path: string, body: unknown = {}) {
  const exchange = createExchange({ method: method.toUpperCase(), body, headers: { host: "127.0.0.1" } });
  const request = { ...exchange.request, path };
  const reply = await handle({ ...exchange, request });
  return { status: reply.status, text: typeof reply.body === "string" ? reply.body : "" };
}

/** What stands for the names in a path. */
function filled(path: string): string {
  const others: Readonly<Record<string, string>> = {
    kind: "services",
    name: "key-auth",
    tag: "one",
    address: "target-target",
    type: "model",
    workspace: "default",
  };
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids.get(name) ?? others[name] ?? name);
}

const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ method, path, operation: operation as Json })),
);
const patterns = operations.map(({ method, path }) => ({
  method,
  pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`),
}));

const model = { route_type: "llm/v1/chat", model: { provider: "openai", name: "a" } };
const redis = { host: "h", sentinel_master: "m", sentinel_role: "master", sentinel_nodes: [{ host: "s" }] };
const vectordb = { strategy: "redis", dimensions: 3, distance_metric: "cosine", threshold: 1, redis };
const embeddings = {
  model: { provider: "openai", name: "e" },
  auth: { header_name: "a", header_value: "b" },
};
const health = { url: "http://a/", interval: 10_000 };
const limits = [{ limit: 1, window_size: 60 }];

/** Name of a plugin → a config with most of its blocks in it. */
const configs: readonly (readonly [string, Json])[] = [
  ["key-auth", {}],
  ["ai-proxy", model],
  [
    "ai-proxy-advanced",
    { targets: [{ ...model, health_check: health }], vectordb, embeddings, state: { redis } },
  ],
  ["ai-rate-limiting-advanced", { policies: [{ match: [{ type: "consumer" }], limits }], redis }],
  ["opentelemetry", { traces_endpoint: "http://a/" }],
  ["prometheus", {}],
  ["http-log", { http_endpoint: "http://a/", headers: { a: "b" } }],
  ["file-log", { path: "/tmp/a" }],
];

describe("the OpenAPI document", () => {
  it.each([
    ...configs.map(([name, config]) => ["plugin", { name, config }] as const),
    [
      "plugin",
      { name: "ai-proxy-advanced", config: {}, partials: [{ id: idOf("partial"), path: "config.targets" }] },
    ],
    ["plugin", { name: "ai-proxy", partials: [{ id: idOf("partial") }] }],
    ["partial", { type: "model", config: model }],
    ["partial", { type: "vectordb", config: vectordb }],
    ["partial", { type: "embeddings", config: embeddings }],
    ["partial", { type: "redis-ee", config: redis }],
    ["partial", { type: "redis-ce", config: {} }],
  ] as const)("is right about a %s %j, as it is sent and as it is shown", (kind, fields) => {
    const shown = completeRecord(
      kindOf(kind),
      { id: idOf(kind), created_at: 1, updated_at: 1, ...fields },
      schemas,
    );
    const misfits = (name: string, value: unknown) =>
      misfitsOf({ $ref: `#/components/schemas/${name}` }, value, document);
    expect(misfits(`${kind}-new`, fields)).toEqual([]);
    expect(misfits(kind, shown)).toEqual([]);
    if ("partials" in fields) return; // anything of the config may be a partial's
    expect(misfits(`${kind}-new`, { ...fields, config: { nothing: 1 } })).toContain(
      "/config nothing is unknown",
    );
  });

  it("knows every plugin of the build", () => {
    expect(configs.map(([name]) => name).toSorted()).toEqual(plugins.map(({ name }) => name).toSorted());
  });

  it("has every kind of entity and every page", () => {
    expect(operations.length).toBeGreaterThan(150);
    for (const { collection } of kinds) expect(document.paths).toHaveProperty(`/${collection}`);
  });

  it("is made of what OpenAPI 3.1 has, and every pointer leads somewhere", () => {
    const names = new Set<unknown>();
    for (const { method, operation, path } of operations) {
      expect(methods, path).toContain(method);
      expect(operation["summary"], path).toBeTruthy();
      expect(names.has(operation["operationId"]), String(operation["operationId"])).toBe(false);
      names.add(operation["operationId"]);
      const parameters = ((operation["parameters"] ?? []) as Json[]).map((each) => resolved(each, document));
      const inPath = parameters.filter((each) => each["in"] === "path").map((each) => each["name"]);
      expect(inPath, path).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      for (const [status, response] of Object.entries(operation["responses"] as Json)) {
        expect(status, path).toMatch(/^(?:[1-5]\d\d|default)$/);
        expect(resolved(response, document)["description"], path).toBeTruthy();
      }
    }
    for (const pointer of pointersIn(document))
      expect(() => resolved({ $ref: pointer }, document)).not.toThrow();
  });

  it("uses every schema that it has", () => {
    const used = new Set(pointersIn(document));
    const unused = Object.keys((document["components"] as { schemas: Json }).schemas).filter(
      (name) => !used.has(`#/components/schemas/${name}`),
    );
    expect(unused).toEqual([]);
  });

  it.each(operations.map(({ method, path }) => `${method} ${path}`))("is right about %s", async (line) => {
    const [method = "", path = ""] = line.split(" ");
    const { operation } = operations.find((each) => each.method === method && each.path === path) ?? {};
    const { status, text } = await ask(method, filled(path), path === "/explain" ? { prompt: "x" } : {});
    expect(status).not.toBe(404);
    expect(status).not.toBe(405);
    const told = (operation?.["responses"] as Json | undefined)?.[status];
    expect(told, `${status} is not told`).toBeDefined();
    const content = resolved(told, document)["content"] as Readonly<Record<string, Json>> | undefined;
    const schema = content?.["application/json"]?.["schema"];
    if (schema !== undefined) expect(misfitsOf(schema, JSON.parse(text), document)).toEqual([]);
  });

  it("misses nothing that is answered", async () => {
    const known = new Set(operations.map(({ method, path }) => `${method} ${filled(path)}`));
    const words = wordsOf(Object.keys(document.paths));
    const places = words.flatMap((word) => [
      `/${word}`,
      `/${word}/x`,
      ...words.map((inner) => `/${word}/${inner}`),
    ]);
    const nested = kinds.flatMap(({ collection, name }) =>
      words.flatMap((word) => {
        const inner = `/${collection}/${idOf(name)}/${word}`;
        return [inner, ...[...ids.values()].map((id) => `${inner}/${id}`)];
      }),
    );
    const owned = kinds.map(({ collection, name }) => `/${collection}/${idOf(name)}`);
    const missing: string[] = [];
    const schemaPaths = words.flatMap((word) =>
      ["model", "key-auth"].flatMap((name) => [
        `/schemas/${word}/${name}`,
        `/schemas/${word}/${name}/validate`,
      ]),
    );
    for (const path of ["/", ...places, ...owned, ...nested, ...schemaPaths]) {
      for (const method of methods) {
        if (known.has(`${method} ${path}`) || isKnownByPattern(method, path)) continue;
        const { status } = await ask(method, path);
        if (status !== 404 && status !== 405) missing.push(`${method} ${path} → ${status}`);
      }
    }
    expect(missing).toEqual([]);
  });

  it("is what /openapi.json answers, and /endpoints lists its paths", async () => {
    expect(JSON.parse((await ask("get", "/openapi.json")).text)).toEqual(
      JSON.parse(JSON.stringify(document)),
    );
    const { data, next } = JSON.parse((await ask("get", "/endpoints")).text);
    expect(data).toEqual(Object.keys(document.paths).toSorted());
    expect(next).toBeNull();
  });

  it("tells apart what belongs to a new entity, to an answer and to a change", () => {
    const check = (name: string, value: unknown) =>
      misfitsOf({ $ref: `#/components/schemas/${name}` }, value, document);
    expect(check("plugin-new", { config: {} })).toEqual(["/ lacks name"]);
    expect(check("plugin-new", { name: "http-log", config: {} })).toEqual([
      "/config fits none of the options",
      "/config lacks http_endpoint",
      "/config is no null",
    ]);
    expect(check("plugin-fields", { enabled: null })).toEqual([]);
    expect(check("service", { host: "a" })).toContain("/ lacks id");
    expect(check("service-new", { url: "http://a" })).toEqual([]);
    expect(check("service-new", { prot: 1 })).toEqual(["/ prot is unknown"]);
    expect(check("keyauth_credential-new", {})).toEqual([]);
    const post = operations.find(({ method, path }) => method === "post" && path === "/key-auths")?.operation;
    const body = post?.["requestBody"] as
      | Readonly<Record<"content", Readonly<Record<string, Json>>>>
      | undefined;
    const schema = body?.content["application/json"]?.["schema"];
    expect(misfitsOf(schema, {}, document)).toEqual(["/ lacks consumer"]);
  });
});

/** Every word of a path that is no place of a name. */
function wordsOf(paths: readonly string[]): readonly string[] {
  const words = paths
    .flatMap((path) => path.split("/"))
    .filter((word) => word !== "" && !word.startsWith("{"));
  return [...new Set([...words, ...kinds.flatMap(({ name, plural }) => [name, plural])])];
}

/** A path whose last word stands for a name: `/tags/x`, `/services/x`, and what PUT would create there. */
function isKnownByPattern(method: string, path: string): boolean {
  return patterns.some((each) => each.method === method && each.pattern.test(path));
}

function pointersIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(pointersIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    name === "$ref" && typeof inner === "string" ? [inner] : pointersIn(inner),
  );
}
