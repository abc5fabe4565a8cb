import { describe, expect, it } from "vitest";
import { createAdmin } from "../../test/support/admin-api.ts";
import { entitySamples } from "../../test/support/entity-samples.ts";
import { kindOf, kinds } from "../control/kinds.ts";
import { plugins } from "../plugins/index.ts";

type Field = Readonly<Record<string, { readonly type: string; readonly [fact: string]: unknown }>>;

const { ask } = createAdmin();
const fieldIn = (fields: readonly Field[], name: string) => fields.find((field) => name in field)?.[name];

describe("the schema", () => {
  it.each(kinds.map(({ plural }) => plural))(
    "of %s has its fields, and where its references lead",
    async (plural) => {
      const { body, status } = await ask(`GET /schemas/${plural}`);
      expect(status).toBe(200);
      expect(fieldIn(body.fields, "id")).toMatchObject({ type: "string" });
      const kind = kinds.find((each) => each.plural === plural);
      for (const { field, to } of kind?.foreignKeys ?? [])
        expect(fieldIn(body.fields, field)).toMatchObject({ type: "foreign", reference: kindOf(to).plural });
    },
  );

  it("of plugins leaves their config to them", async () => {
    const { fields } = (await ask("GET /schemas/plugins")).body;
    expect(fieldIn(fields, "config")).toEqual({ type: "record", required: true, fields: [] });
  });

  // What decK fills in by itself must be what the API does, or a second sync would change something.
  it.each(plugins.map(({ name }) => name))(
    "of plugin %s gives the defaults that the entity has",
    async (name) => {
      const { fields } = (await ask(`GET /schemas/plugins/${name}`)).body;
      const config = fieldIn(fields, "config") as unknown as Block;
      expect(config).toMatchObject({ type: "record", required: true });
      const { ask: admin } = createAdmin();
      const { body, status } = await admin("POST /plugins", {
        body: { name, config: configs[name] ?? {} },
        headers: { "sluice-secrets": "plain" },
      });
      expect([status, body.message]).toEqual([201, undefined]);
      expect(filledIn(config, configs[name] ?? {})).toEqual(body.config);
    },
  );

  it("of what there is not is not found", async () => {
    for (const path of ["/schemas", "/schemas/nothing", "/schemas/services/x", "/schemas/plugins/key-auth/x"])
      expect((await ask(`GET ${path}`)).status, path).toBe(404);
    expect((await ask("GET /schemas/plugins/nobody")).body.message).toBe("No plugin named 'nobody'");
    expect((await ask("POST /schemas/services")).headers["allow"]).toBe("GET");
    expect((await ask("GET /schemas/services/validate")).headers["allow"]).toBe("POST");
  });
});

describe("validating", () => {
  it.each(kinds.map((kind) => ({ name: kind.name, kind })))(
    "accepts a good $name, and keeps nothing",
    async ({ kind }) => {
      const { ask: admin, world } = createAdmin();
      const needed = kind.foreignKeys.filter(({ isRequired }) => isRequired);
      const owners = Object.fromEntries(needed.map(({ field }) => [field, { id: nobody }]));
      const body = { ...entitySamples[kind.name]?.body(1), ...owners };
      const answer = await admin(`POST /schemas/${kind.plural}/validate`, { body });
      expect([answer.status, answer.body.message]).toEqual([200, "schema validation successful"]);
      expect(world.control.entities.all()).toEqual([]);
    },
  );

  it("asks for nothing that is not part of the entity itself", async () => {
    const body = { paths: ["/"], service: { id: nobody } };
    expect((await ask("POST /schemas/routes/validate", { body })).status).toBe(200);
  });

  it("names every fault at its field", async () => {
    const { body, status } = await ask("POST /schemas/services/validate", { body: { prt: 1, retries: -1 } });
    expect([status, body.code]).toEqual([400, 2]);
    expect(body.fields).toEqual({ prt: expect.stringContaining("port"), retries: expect.any(String) });
  });

  it("takes forms as they are taken where entities are made", async () => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    for (const [line, body] of [
      [
        "POST /schemas/plugins/validate",
        "name=key-auth&config.key_names=apikey&config.hide_credentials=true",
      ],
      ["POST /schemas/plugins/key-auth/validate", "config.key_names=apikey"],
      ["POST /schemas/services/validate", "host=a&retries=3&tags[]=x"],
    ] as const)
      expect((await ask(line, { body, headers })).body.message, line).toBe("schema validation successful");
  });

  it("knows plugins by the body or by the path", async () => {
    const good = { config: { http_endpoint: "http://a/" } };
    for (const [line, body, status] of [
      ["POST /schemas/plugins/validate", { name: "http-log", ...good }, 200],
      ["POST /schemas/plugins/http-log/validate", good, 200],
      ["POST /schemas/plugins/validate", { name: "http-log" }, 400],
      ["POST /schemas/plugins/validate", { name: "nobody" }, 400],
      ["POST /schemas/plugins/validate", {}, 400],
    ] as const)
      expect((await ask(line, { body })).status, `${line} ${JSON.stringify(body)}`).toBe(status);
  });
});

const nobody = "00000000-0000-4000-8000-000000000009";

interface Block {
  readonly fields: readonly Field[];
}

/** What each plugin cannot be without. */
const configs: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "http-log": { http_endpoint: "http://a/" },
  "file-log": { path: "/tmp/x" },
  opentelemetry: { traces_endpoint: "http://a/" },
  "ai-proxy": { route_type: "llm/v1/chat", model: { provider: "openai", name: "gpt-4o" } },
  "ai-proxy-advanced": {
    targets: [{ route_type: "llm/v1/chat", model: { provider: "openai", name: "gpt-4o" } }],
  },
  "ai-rate-limiting-advanced": {
    policies: [{ limits: [{ limit: 1, window_size: 60 }] }],
  },
};

/** As decK does it: from the schema alone. */
function filledIn({ fields }: Block, given: Readonly<Record<string, unknown>>): unknown {
  const filled = fields.map((each) => {
    const [[name, field] = ["", { type: "" }]] = Object.entries(each);
    return [name, valueFor(field, given[name])] as const;
  });
  return Object.fromEntries(filled);
}

function valueFor(field: Field[string], given: unknown): unknown {
  const { elements, required, type } = field;
  if (type === "record" && (given !== undefined || required === true))
    return filledIn(field as unknown as Block, (given ?? {}) as Readonly<Record<string, unknown>>);
  const value = given ?? field["default"] ?? null;
  if (type === "array" && Array.isArray(value))
    return value.map((item) => valueFor(elements as Field[string], item));
  return value;
}
