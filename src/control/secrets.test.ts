import { describe, expect, it } from "vitest";
import { z } from "zod";
import { covers, createContext, pluginSchemas, stored } from "../../test/support/control.ts";
import { refusalOf } from "../../test/support/refusals.ts";
import { type FieldSchema, fieldSchema } from "../config/field-schema.ts";
import { plugins } from "../plugins/index.ts";
import { definePlugin } from "../plugins/plugin.ts";
import { secret } from "../util/field-notes.ts";
import { type Kind, kindOf, kinds } from "./kinds.ts";
import { createPluginSchemas } from "./plugin-schemas.ts";
import { covered, createCovers, isSecretField, uncovered } from "./secrets.ts";

type Fields = Readonly<Record<string, unknown>>;

const plugin = kindOf("plugin");
const context = createContext();

const target = (key: string, name: string) => ({
  route_type: "llm/v1/chat",
  auth: { header_name: "Authorization", header_value: key },
  model: { provider: "openai", name },
});
const proxy = (...targets: object[]) =>
  stored("plugin", 1, { name: "ai-proxy-advanced", config: { targets } }).record;
const hidden = (record: Fields) => covered(plugin, record, pluginSchemas, covers);
const found = (record: Fields, existing: Fields | undefined) => uncovered(plugin, record, existing, context);
const targetsIn = ({ config }: Fields) => (config as { targets: ReturnType<typeof target>[] }).targets;

/** Where secrets may be: in the kinds' own fields, and in configs, whose fields depend on the rest. */
const places: readonly Place[] = [
  ...kinds.map((kind) => ({ kind, facts: {}, isConfig: false, schema: kind.fields })),
  ...plugins.map(({ config, name }) => ({
    kind: plugin,
    facts: { name },
    isConfig: true,
    schema: fieldSchema(config),
  })),
  ...["embeddings", "model", "redis-ce", "redis-ee", "vectordb"].map((type) => ({
    kind: kindOf("partial"),
    facts: { type },
    isConfig: true,
    schema: pluginSchemas.partialOf(type) ?? {},
  })),
];

interface Place {
  readonly kind: Kind;
  readonly facts: Fields;
  readonly isConfig: boolean;
  readonly schema: FieldSchema;
}

describe("a cover", () => {
  it("tells nothing of its secret but that it is the same one", () => {
    expect(covers.cover("sk-1")).toMatch(/^\*{6} \(sluice:[\da-f]{16}\)$/);
    expect(covers.cover("sk-1")).toBe(covers.cover("sk-1"));
    expect(covers.cover("sk-1")).not.toBe(covers.cover("sk-2"));
    expect(createCovers("another key").cover("sk-1")).not.toBe(covers.cover("sk-1"));
  });
});

describe("an entity with its secrets covered", () => {
  it("shows the rest as it is", () => {
    const record = proxy(target("sk-one", "gpt-4o"));
    const shown = hidden(record);
    expect(JSON.stringify(shown)).not.toContain("sk-one");
    expect(targetsIn(shown)[0]?.auth.header_name).toBe("Authorization");
    expect(found(shown, record)).toEqual(record);
  });

  it("shows references to vaults, and nothing in place of nothing", () => {
    const shown = hidden(proxy(target("{vault://env/openai-key}", "a"), target("", "b")));
    expect(targetsIn(shown).map(({ auth }) => auth.header_value)).toEqual(["{vault://env/openai-key}", ""]);
  });

  it("hides the key of a credential", () => {
    const kind = kindOf("keyauth_credential");
    const { record } = stored("keyauth_credential", 1, { key: "my-key" });
    expect(covered(kind, record, pluginSchemas, covers)["key"]).toBe(covers.cover("my-key"));
    expect(isSecretField(kind, "key")).toBe(true);
    expect(isSecretField(kind, "ttl")).toBe(false);
  });

  it("of a plugin there is not shows its config as it is", () => {
    const record = { ...proxy(), name: "nobody", config: { key: "x" } };
    expect(hidden(record)).toEqual(record);
  });

  // Every secret of every kind, plugin and type of partial in this build, however deep in lists, maps and choices.
  it.each(
    places.flatMap(({ facts, isConfig, kind, schema }) =>
      secretsIn(schema).map((value) => ({
        label: `${kind.name} ${JSON.stringify(facts)} ${JSON.stringify(value)}`,
        kind,
        record: isConfig ? { ...facts, config: value } : (value as Fields),
      })),
    ),
  )("hides $label", ({ kind, record }) => {
    const shown = covered(kind, record, pluginSchemas, covers);
    expect(JSON.stringify(shown)).not.toContain(planted);
    expect(JSON.stringify(shown)).toContain(covers.cover(planted));
    expect(uncovered(kind, shown, record, context)).toEqual(record);
  });
});

describe("covers that are sent back", () => {
  const record = proxy(target("sk-one", "gpt-4o"), target("sk-two", "gpt-4o-mini"));

  it("stand for their own secret wherever it was moved to", () => {
    const [first, second] = targetsIn(hidden(record));
    const moved = found({ ...record, config: { targets: [second, first] } }, record);
    expect(targetsIn(moved).map(({ auth }) => auth.header_value)).toEqual(["sk-two", "sk-one"]);
    const copied = found({ ...record, config: { targets: [first, second, first] } }, record);
    expect(targetsIn(copied).map(({ auth }) => auth.header_value)).toEqual(["sk-one", "sk-two", "sk-one"]);
  });

  it("are refused where the entity has no such secret, saying where and what to do", () => {
    const strange = proxy(target("sk-one", "gpt-4o"), target(covers.cover("sk-three"), "gpt-4o-mini"));
    for (const existing of [record, undefined]) {
      const refusal = refusalOf(() => found(strange, existing));
      expect(refusal.kind).toBe("schema_violation");
      expect(refusal.message).toMatch(/config\.targets\.1\.auth\.header_value: stands for a secret .* vault/);
      expect(refusal.fields).toMatchObject({
        config: {
          targets: { 1: { auth: { header_value: expect.stringContaining("send the secret itself") } } },
        },
      });
    }
  });

  it("are texts like others in fields that hold no secret", () => {
    const noted = { ...record, tags: [covers.cover("sk-one")] };
    expect(found(noted, undefined)["tags"]).toEqual([covers.cover("sk-one")]);
  });
});

describe("a whole block that is secret", () => {
  const schemas = createPluginSchemas([
    definePlugin({
      name: "posts",
      summary: "For tests.",
      config: z.strictObject({
        headers: z.record(z.string(), z.union([z.string(), z.array(z.string())])).meta(secret),
        keys: z.array(z.string()).meta(secret),
      }),
      create: () => ({}),
    }),
  ]);
  const record = { name: "posts", config: { headers: { a: "one", b: ["two", "three"] }, keys: ["four"] } };

  it("has every text in it covered, and found again", () => {
    const shown = covered(plugin, record, schemas, covers);
    expect(shown["config"]).toEqual({
      headers: { a: covers.cover("one"), b: [covers.cover("two"), covers.cover("three")] },
      keys: [covers.cover("four")],
    });
    expect(uncovered(plugin, shown, record, { ...context, plugins: schemas })).toEqual(record);
  });
});

const planted = "planted-secret";

/** For each secret in the schema, a value that has nothing but it. */
function secretsIn(schema: FieldSchema): readonly unknown[] {
  const inner = [
    ...Object.entries(schema.properties ?? {}).flatMap(([name, field]) =>
      secretsIn(field).map((value) => ({ [name]: value })),
    ),
    ...(schema.items === undefined ? [] : secretsIn(schema.items).map((value) => [value])),
    ...(schema.anyOf ?? []).flatMap(secretsIn),
    ...(typeof schema.additionalProperties === "object"
      ? secretsIn(schema.additionalProperties).map((value) => ({ anything: value }))
      : []),
  ];
  return schema.secret === true ? [...inner, secretValue(schema)] : inner;
}

function secretValue({ items, type }: FieldSchema): unknown {
  if (type === "array") return [items === undefined ? planted : secretValue(items)];
  return type === "object" ? { anything: planted } : planted;
}
