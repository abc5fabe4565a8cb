/** What `/schemas` tells of each plugin, held against the published schemas, and against what the loader does. */
import { describe, expect, it } from "vitest";
import { checkAlone, entitySchemaOf, pluginSchemaOf } from "../src/admin/schemas.ts";
import type { FieldSchema } from "../src/config/field-schema.ts";
import type { KongField, KongSchema } from "../src/config/kong-schema.ts";
import { loadDocument } from "../src/config/load.ts";
import { completed } from "../src/control/complete.ts";
import { kinds } from "../src/control/kinds.ts";
import { createPluginSchemas } from "../src/control/plugin-schemas.ts";
import { plugins } from "../src/plugins/index.ts";
import { published } from "./support/published-schema.ts";

const schemas = createPluginSchemas(plugins);
const source = { schemas, plugins, env: {} };

/** File of the published schema → how many ends it has, and a config with nothing but what must be given. */
const cases: Readonly<Record<string, { readonly plugin: string; readonly count: number; minimal: object }>> =
  {
    AiProxyAdvanced: {
      plugin: "ai-proxy-advanced",
      count: 178,
      minimal: { targets: [{ route_type: "llm/v1/chat", model: { provider: "openai" } }] },
    },
    AiProxy: {
      plugin: "ai-proxy",
      count: 70,
      minimal: { route_type: "llm/v1/chat", model: { provider: "openai" } },
    },
    AiRateLimitingAdvanced: {
      plugin: "ai-rate-limiting-advanced",
      count: 66,
      minimal: { llm_providers: [{ name: "openai", limit: [1], window_size: [60] }] },
    },
    FileLog: { plugin: "file-log", count: 3, minimal: { path: "/dev/null" } },
    HttpLog: { plugin: "http-log", count: 20, minimal: { http_endpoint: "http://logs.example" } },
    KeyAuth: { plugin: "key-auth", count: 14, minimal: {} },
    Opentelemetry: { plugin: "opentelemetry", count: 35, minimal: {} },
    Prometheus: { plugin: "prometheus", count: 7, minimal: {} },
  };

/** Where we accept more than Kong does, or tell it otherwise, with the reason. */
const differences: Readonly<Record<string, Partial<Told>>> = {
  // A model in the process may stand in.
  "AiProxyAdvanced embeddings.model.provider": {
    choices: ["azure", "bedrock", "gemini", "huggingface", "local", "mistral", "ollama", "openai"],
  },
  "AiProxyAdvanced embeddings.model.name": { isRequired: false },
  // Vectors may lie in memory.
  "AiProxyAdvanced vectordb.strategy": { choices: ["memory", "pgvector", "redis"] },
  "AiProxyAdvanced vectordb.dimensions": { isRequired: false },
  "AiProxyAdvanced vectordb.distance_metric": { isRequired: false },
};

interface Told {
  readonly type: string;
  readonly isRequired: boolean;
  readonly default: unknown;
  readonly choices: readonly unknown[] | undefined;
  readonly range: readonly unknown[] | undefined;
  readonly isEncrypted: boolean;
}

interface Published extends FieldSchema {
  readonly "x-encrypted"?: boolean;
}

type Path = readonly (string | number)[];

interface Leaf {
  readonly path: Path;
  readonly theirs: Published;
  readonly isRequired: boolean;
}

/** Everything that is no block of further fields. Items of a list stand at 0. */
function leavesOf(schema: FieldSchema, path: Path = [], isRequired = false): readonly Leaf[] {
  const block = schema.properties ?? schema.items?.properties;
  if (block === undefined) return [{ path, theirs: schema, isRequired }];
  const inner = schema.properties === undefined ? [...path, 0] : path;
  const required = (schema.properties === undefined ? schema.items?.required : schema.required) ?? [];
  return Object.entries(block).flatMap(([name, field]) =>
    leavesOf(field, [...inner, name], required.includes(name)),
  );
}

function named({ fields, shorthand_fields = [] }: Partial<KongSchema>): Readonly<Record<string, KongField>> {
  return Object.assign({}, ...(fields ?? []), ...shorthand_fields);
}

function toldAt(schema: KongSchema, path: Path): KongField | undefined {
  return path.reduce<KongField | undefined>(
    (field, step) =>
      field && (typeof step === "number" ? field.elements : (named(field)[step] as KongField | undefined)),
    { type: "record", ...schema },
  );
}

function configSchema(plugin: string): KongSchema {
  const { config } = named(pluginSchemaOf(plugin, source));
  return { fields: [], ...config };
}

function expectedOf({ isRequired, theirs }: Leaf): Told {
  const { enum: choices, maximum, minimum } = theirs;
  const hasRange = minimum !== undefined && maximum !== undefined;
  return {
    type: typeOf(theirs),
    // What has a default is never null.
    isRequired: isRequired || theirs.default !== undefined,
    default: theirs.default,
    choices: choices === undefined ? undefined : [...choices].sort(),
    range: hasRange ? [minimum, maximum] : undefined,
    isEncrypted: theirs["x-encrypted"] === true,
  };
}

function typeOf({ additionalProperties, items, type }: FieldSchema): string {
  if (type === "array") return `array of ${items === undefined ? "any" : typeOf(items)}`;
  if (type === "object") return additionalProperties === undefined ? "record" : "map";
  return type ?? "map"; // `metadata`, which may hold anything
}

function factsOf({
  between,
  default: value,
  encrypted,
  one_of: choices,
  required,
  ...shape
}: KongField): Told {
  return {
    type: shape.elements === undefined ? shape.type : `array of ${shape.elements.type}`,
    isRequired: required === true,
    default: value,
    choices: choices === undefined ? undefined : [...choices].sort(),
    range: between,
    isEncrypted: encrypted === true,
  };
}

/** A config with nothing but a value at `path`. */
function holding(path: Path, value: unknown): unknown {
  return path.reduceRight<unknown>(
    (inner, step) => (typeof step === "number" ? [inner] : { [step]: inner }),
    value,
  );
}

/** Values that do not fit, each in one way. */
function misfits({ enum: choices, items, maximum, minimum, type }: FieldSchema): readonly unknown[] {
  return [
    type === "string" ? 7 : "no such thing",
    ...(choices === undefined ? [] : [type === "string" ? "no-such-choice" : 12_345]),
    ...(minimum === undefined ? [] : [minimum - 1]),
    ...(maximum === undefined ? [] : [maximum + 1]),
    ...(type === "integer" ? [1.5] : []),
    ...(items?.type === "string" ? [[7]] : []),
  ];
}

function errorPaths(plugin: string, config: unknown): readonly string[] {
  const document = { _format_version: "3.0", plugins: [{ name: plugin, config }] };
  const { problems } = loadDocument(document, { file: "entities", env: {}, plugins });
  return problems.filter(({ severity }) => severity === "error").map(({ path }) => path);
}

/** As decK fills in a config from a schema: required blocks inside, others and what has no default with null. */
function filledFrom(schema: Partial<KongSchema>, given: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(
    Object.entries(named({ fields: schema.fields ?? [] })).map(([name, field]) => [
      name,
      filledField(field, given[name] ?? undefined),
    ]),
  );
}

function filledField(field: KongField, given: unknown): unknown {
  if (field.type === "record") {
    if (given === undefined && field.required !== true) return null;
    return filledFrom(field, (given ?? {}) as Record<string, unknown>); // a block, or the test fails
  }
  if (Array.isArray(given) && field.elements?.type === "record")
    return given.map((item) => filledFrom(field.elements ?? {}, item as Record<string, unknown>)); // as above
  return given ?? field.default ?? null;
}

const slashed = (path: Path) => path.map((step) => (typeof step === "number" ? "[]" : step)).join(".");

describe.each(Object.entries(cases))("the published schema %s", (file, { count, minimal, plugin }) => {
  const leaves = leavesOf(published(file));
  const schema = configSchema(plugin);
  const own = schemas.configOf(plugin) ?? {};

  it(`has ${count} leaves, and /schemas tells each of them`, () => {
    expect(leaves).toHaveLength(count);
    const wrong = leaves.flatMap((leaf) => {
      const told = toldAt(schema, leaf.path);
      const path = slashed(leaf.path).replaceAll(".[]", "[]");
      const expected = { ...expectedOf(leaf), ...differences[`${file} ${path}`] };
      const found = told && factsOf(told);
      return JSON.stringify(found) === JSON.stringify({ ...expected, ...ourSecret(found, expected) })
        ? []
        : [{ path, expected, found }];
    });
    expect(wrong).toEqual([]);
  });

  it("is refused by the loader, leaf by leaf, for values that do not fit", () => {
    const accepted = leaves.flatMap(({ path, theirs }) =>
      misfits(theirs)
        .filter((value) => {
          const at = `plugins[0].config${path.map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`)).join("")}`;
          return !errorPaths(plugin, holding(path, value)).some((each) => each === at || each === `${at}[0]`);
        })
        .map((value) => `${slashed(path)} = ${JSON.stringify(value)}`),
    );
    expect(accepted).toEqual([]);
  });

  it("is filled in as the schema says, so that tools which compare find no difference", () => {
    const complete = completed(own, minimal);
    expect(complete).toEqual(filledFrom(schema, minimal as Record<string, unknown>));
    expect(completed(own, complete)).toEqual(complete);
    // Blocks that are not there by themselves, too.
    const blocks = Object.fromEntries(
      Object.entries(named(schema)).flatMap(([name, field]) =>
        field.type === "record" ? [[name, emptyBlocks(field)]] : [],
      ),
    );
    const given = { ...minimal, ...blocks };
    expect(completed(own, given)).toEqual(filledFrom(schema, given));
  });

  it("means the same when it is filled in", () => {
    const definition = plugins.find(({ name }) => name === plugin);
    const meaning = (config: unknown) => definition?.config.parse(withoutNulls(config));
    expect(meaning(completed(own, minimal))).toEqual(meaning(minimal));
  });
});

/** Ours may cover more than Kong encrypts, never less. */
function ourSecret(found: Told | undefined, expected: Told): Partial<Told> {
  return found?.isEncrypted === true && !expected.isEncrypted ? { isEncrypted: true } : {};
}

function emptyBlocks(field: KongField): object {
  return Object.fromEntries(
    Object.entries(named(field)).flatMap(([name, inner]) =>
      inner.type === "record" ? [[name, emptyBlocks(inner)]] : [],
    ),
  );
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([name, inner]) => [name, withoutNulls(inner)]),
  );
}

describe("old ways of saying a setting", () => {
  const redis = toldAt(configSchema("ai-rate-limiting-advanced"), ["redis"]) ?? { type: "" };
  const own = schemas.configOf("ai-rate-limiting-advanced") ?? {};
  const read = (config: object) =>
    (completed(own, { ...cases["AiRateLimitingAdvanced"]?.minimal, redis: config }) as { redis: object })
      .redis;

  it("are told apart, with what replaces them", () => {
    expect(redis.shorthand_fields?.map((field) => Object.keys(field)[0])).toEqual([
      "timeout",
      "sentinel_addresses",
      "cluster_addresses",
    ]);
    expect(named(redis)["timeout"]?.deprecation?.replaced_with).toEqual([
      { path: ["connect_timeout"] },
      { path: ["send_timeout"] },
      { path: ["read_timeout"] },
    ]);
  });

  it("are not outdone by defaults, and shown only where they are used", () => {
    expect(read({ timeout: 500, send_timeout: 70 })).toMatchObject({
      timeout: 500,
      connect_timeout: 500,
      send_timeout: 70,
      read_timeout: 500,
    });
    expect(read({})).toMatchObject({ connect_timeout: 2000 });
    expect(read({})).not.toHaveProperty("timeout");
  });
});

describe("the schema of an entity", () => {
  const told = (plural: string) => named(entitySchemaOf(plural));

  it.each(kinds.map((kind) => [kind.plural, kind] as const))("of %s has all fields once", (plural, kind) => {
    const names = entitySchemaOf(plural).fields.flatMap((field) => Object.keys(field));
    const expected = [
      ...Object.keys(kind.fields.properties ?? {}),
      ...kind.foreignKeys.map(({ field }) => field),
    ];
    expect(names.toSorted()).toEqual(expected.toSorted());
  });

  it("has Kong's defaults", () => {
    const defaults = (plural: string) =>
      Object.fromEntries(
        Object.entries(told(plural))
          .filter(([, field]) => field.default !== undefined)
          .map(([name, field]) => [name, field.default]),
      );
    expect(defaults("services")).toEqual({
      protocol: "http",
      port: 80,
      retries: 5,
      connect_timeout: 60_000,
      write_timeout: 60_000,
      read_timeout: 60_000,
      enabled: true,
    });
    expect(defaults("routes")).toEqual({
      protocols: ["http", "https"],
      https_redirect_status_code: 426,
      regex_priority: 0,
      strip_path: true,
      path_handling: "v0",
      preserve_host: false,
      request_buffering: true,
      response_buffering: true,
    });
    expect(defaults("plugins")).toEqual({ enabled: true, protocols: ["grpc", "grpcs", "http", "https"] });
    expect(named(pluginSchemaOf("key-auth", source))["protocols"]?.default).toEqual(
      defaults("plugins")["protocols"],
    );
  });

  it("says what is unique, made up, and what goes with what", () => {
    expect(told("services")["name"]?.unique).toBe(true);
    expect(told("services")["id"]).toMatchObject({ auto: true, unique: true });
    expect(told("keyauth_credentials")["key"]).toMatchObject({ auto: true, unique: true, encrypted: true });
    expect(told("keyauth_credentials")["consumer"]).toEqual({
      type: "foreign",
      reference: "consumers",
      required: true,
      on_delete: "cascade",
    });
    expect(told("routes")["service"]).toEqual({ type: "foreign", reference: "services" });
    expect(told("routes")["https_redirect_status_code"]).toMatchObject({
      type: "integer",
      one_of: [426, 301, 302, 307, 308],
    });
  });
});

/** As decK 1.64 was seen to send them. */
const sentByDeck = {
  services:
    '{"connect_timeout":60000,"enabled":true,"host":"localhost","id":"c71ae539-c645-45cd-87df-bfdd5a5b6577","name":"llm","port":32000,"protocol":"http","read_timeout":60000,"retries":5,"write_timeout":60000,"tags":["ai"]}',
  routes:
    '{"id":"614e6e76-82fa-4910-8a22-d2fdb17bfeed","name":"chat","methods":["POST"],"paths":["~/chat$"],"path_handling":"v0","preserve_host":false,"protocols":["http","https"],"regex_priority":0,"service":{"id":"c71ae539-c645-45cd-87df-bfdd5a5b6577","name":"llm"},"strip_path":true,"https_redirect_status_code":426,"request_buffering":true,"response_buffering":true}',
  plugins:
    '{"id":"3b59c03b-39d6-4fe8-94e2-15c2ddd0fbdf","name":"ai-proxy-advanced","route":{"id":"614e6e76-82fa-4910-8a22-d2fdb17bfeed","name":"chat"},"config":{"balancer":{"algorithm":"round-robin"},"targets":[{"model":{"name":"gpt-4o","provider":"openai"},"route_type":"llm/v1/chat"}]},"enabled":true,"protocols":["grpc","grpcs","http","https"]}',
  consumers: '{"id":"c55bba77-048b-465a-8745-df060257a29c","username":"alice"}',
  keyauth_credentials:
    '{"consumer":{"id":"c55bba77-048b-465a-8745-df060257a29c","username":"alice"},"id":"59647a7d-2b9e-4416-a677-f12d3cb7e140","key":"secret-1"}',
  vaults:
    '{"id":"4598ea78-890a-4d04-b414-ece801a6fed4","name":"env","prefix":"my-env","config":{"prefix":"X"}}',
  consumer_groups: '{"id":"3d625bfc-2e0d-47a5-8d40-56a13c552f75","name":"gold"}',
} as const;

describe("a check of an entity alone", () => {
  it.each(Object.entries(sentByDeck))("takes %s as decK sends them", (plural, body) => {
    expect(() => checkAlone(plural, JSON.parse(body), source)).not.toThrow();
  });

  it("refuses a reference that leads nowhere by its form", () => {
    const route = { ...JSON.parse(sentByDeck.routes), service: { custom_id: "x" } };
    expect(() => checkAlone("routes", route, source)).toThrow("must be a name or an id");
  });
});
