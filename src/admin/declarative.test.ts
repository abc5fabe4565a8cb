import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { createAdmin } from "../../test/support/admin-api.ts";
import { covers, testNow } from "../../test/support/control.ts";
import { loadConfig } from "../config/load.ts";
import { createFileControl, UntakeableError } from "../control/file-control.ts";
import { hashOfText } from "../control/hash.ts";
import { plugins } from "../plugins/index.ts";

const yaml = `_format_version: "3.0"
services:
- name: chat
  host: a.example
consumers:
- username: ada
  keyauth_credentials: [{ key: "ada's key" }]
`;

function createFileAdmin() {
  const control = createFileControl({
    path: "gateway.yaml",
    plugins,
    wallClock: () => testNow * 1000,
    take: async (_asker, text) => {
      const { config, entities, problems } = loadConfig(text, { file: "posted", env: {}, plugins });
      if (config === undefined) throw new UntakeableError(problems);
      control.show({ text, entities });
    },
  });
  return { control, ...createAdmin({ control }) };
}

const multipart = (text: string) =>
  `--b\r\nContent-Disposition: form-data; name="config"; filename="x.yaml"\r\n\r\n${text}\r\n--b--\r\n`;

describe("a file that is posted", () => {
  it.each([
    ["as it is", "text/yaml", yaml, yaml],
    ["as JSON", "application/json", JSON.stringify(parse(yaml)), JSON.stringify(parse(yaml))],
    ["in a field of JSON", "application/json", JSON.stringify({ config: yaml }), yaml],
    ["in a field of a form", "application/x-www-form-urlencoded", `config=${encodeURIComponent(yaml)}`, yaml],
    ["as a file of a form", "multipart/form-data; boundary=b", multipart(yaml), yaml],
    ["as YAML that says nothing of itself", "", yaml, yaml],
  ])("takes the place of the one before: %s", async (_how, type, body, text) => {
    const { ask, control } = createFileAdmin();
    const answer = await ask("POST /config", { body, headers: { "content-type": type } });
    expect(answer.status, answer.text).toBe(201);
    expect(Object.values(answer.body.services)).toMatchObject([{ name: "chat", port: 80 }]);
    expect(Object.keys(answer.body).toSorted()).toEqual(["consumers", "keyauth_credentials", "services"]);
    expect(control.hash).toBe(hashOfText(text));
    expect((await ask("GET /services/chat")).body.host).toBe("a.example");
  });

  it("is not taken again where it is the one that runs, if that is asked for", async () => {
    const { ask } = createFileAdmin();
    const headers = { "content-type": "text/yaml" };
    await ask("POST /config", { body: yaml, headers });
    for (const [query, status] of [
      ["?check_hash=1", 304],
      ["?check_hash=true", 304],
      ["?check_hash=0", 201],
      ["", 201],
    ])
      expect((await ask(`POST /config${query}`, { body: yaml, headers })).status).toBe(status);
    expect((await ask("POST /config?check_hash=1", { body: `${yaml}\n`, headers })).status).toBe(201);
  });

  it("that is wrong is refused with every error, and changes nothing", async () => {
    const { ask, control } = createFileAdmin();
    await ask("POST /config", { body: yaml, headers: { "content-type": "text/yaml" } });
    const { hash } = control;
    const wrong = yaml.replace("host:", "hots:").replace("username:", "user:");
    const { body, status } = await ask("POST /config", {
      body: wrong,
      headers: { "content-type": "text/yaml" },
    });
    expect(status).toBe(400);
    expect(body).toMatchObject({
      code: 14,
      name: "invalid declarative configuration",
      fields: {
        services: { 0: { hots: expect.stringContaining("(4:") } },
        consumers: { 0: expect.anything() },
      },
    });
    for (const text of ["", "[", "7", "a: [", "_format_version: '1.0'"]) {
      const refused = await ask("POST /config", { body: text, headers: { "content-type": "text/yaml" } });
      expect([refused.status, refused.body.code], text).toEqual([400, 14]);
    }
    expect(control.hash).toBe(hash);
  });

  it("that is wrong is told entity by entity where that is asked for", async () => {
    const { ask } = createFileAdmin();
    const id = "22222222-2222-4222-8222-222222222222";
    const content = {
      _format_version: "3.0",
      nobody: [],
      services: [
        { name: "good", host: "a" },
        {
          name: "bad",
          host: "a",
          retries: -1,
          tags: ["team"],
          routes: [{ id, name: "nested", paths: ["x"] }, { name: "whole" }],
        },
      ],
      consumers: [{ custom_id: "7", keyauth_credentials: [{ key: 5, tags: ["t"] }] }],
    };
    const { body, status } = await ask("POST /config?flatten_errors=1", { body: content });
    expect([status, body.code, Object.keys(body.fields)]).toEqual([400, 14, ["nobody"]]);
    expect(body.flattened_errors).toMatchObject([
      {
        entity_type: "service",
        entity_name: "bad",
        entity_tags: ["team"],
        errors: [{ type: "field", field: "retries", message: expect.stringContaining("between") }],
      },
      {
        entity_type: "route",
        entity_id: id,
        entity_name: "nested",
        errors: [{ type: "field", field: "paths.0" }],
      },
      { entity_type: "route", entity_name: "whole", errors: [{ type: "entity" }] },
      { entity_type: "keyauth_credential", entity_tags: ["t"], errors: [{ field: "key" }] },
    ]);
    expect((await ask("POST /config", { body: content })).body).not.toHaveProperty("flattened_errors");
    const headers = { "content-type": "text/yaml" };
    const asFilesAre =
      "_format_version: '3.0'\nservices: [{<<: {name: merged, host: a}, retries: -1, port: 1, port: 2}]";
    const named = await ask("POST /config?flatten_errors=1", { body: asFilesAre, headers });
    expect(named.body.flattened_errors).toMatchObject([{ entity_name: "merged" }]);
    const broken = await ask("POST /config?flatten_errors=1", { body: "a: [", headers });
    expect([broken.status, broken.body.flattened_errors]).toEqual([400, []]);
  });

  it("is missed where there is a form without it", async () => {
    const { ask } = createFileAdmin();
    for (const [type, body] of [
      ["application/x-www-form-urlencoded", "file=x"],
      ["application/json", '{"config":{}}'],
    ] as const) {
      const answer = await ask("POST /config", { body, headers: { "content-type": type } });
      expect([answer.status, answer.body.fields]).toEqual([400, { config: "required field missing" }]);
    }
  });

  it("with covers in the place of secrets is refused: nothing could tell what they stand for", async () => {
    const { ask, control } = createFileAdmin();
    await ask("POST /config", { body: yaml, headers: { "content-type": "text/yaml" } });
    const { hash } = control;
    const { config } = (await ask("GET /config")).body;
    const { body, status } = await ask("POST /config", { body: { config } });
    expect([status, body.code]).toEqual([400, 14]);
    expect(body.message).toContain("Sluice-Secrets: plain");
    expect(control.hash).toBe(hash);
  });
});

describe("the file that is shown", () => {
  it("can be posted back, and says the same", async () => {
    const { ask } = createFileAdmin();
    const headers = { "sluice-secrets": "plain" };
    await ask("POST /config", { body: { config: yaml } });
    const before = (await ask("GET /key-auths", { headers })).body;
    const { config } = (await ask("GET /config", { headers })).body;
    expect((await ask("POST /config", { body: { config } })).status).toBe(201);
    expect((await ask("GET /key-auths", { headers })).body).toEqual(before);
  });

  it("has what has a value, and its secrets covered", async () => {
    const { ask } = createFileAdmin();
    await ask("POST /config", { body: { config: yaml } });
    const content = parse((await ask("GET /config")).body.config);
    expect(content.services[0]).toMatchObject({ name: "chat", port: 80 });
    expect(content.services[0]).not.toHaveProperty("path");
    expect(content.keyauth_credentials[0].key).toBe(covers.cover("ada's key"));
  });

  it("is that of entities too, which no file replaces", async () => {
    const { ask } = createAdmin();
    await ask("PUT /services/chat", { body: { host: "a.example" } });
    await ask("PUT /consumers/ada", { body: {} });
    await ask("PUT /consumer_groups/team", { body: {} });
    await ask("POST /consumer_groups/team/consumers", { body: { consumer: "ada" } });
    const { config } = (await ask("GET /config")).body;
    expect(parse(config)).toMatchObject({
      _format_version: "3.0",
      services: [{ name: "chat" }],
      consumers: [{ groups: [{ id: expect.any(String) }] }],
    });
    expect(loadConfig(config, { file: "shown", env: {}, plugins }).config?.consumers[0]?.groups).toHaveLength(
      1,
    );
    const { body, status } = await ask("POST /config", { body: { config: yaml } });
    expect([status, body.code, body.message]).toEqual([
      405,
      12,
      expect.stringContaining("start it with -c FILE"),
    ]);
    expect((await ask("DELETE /config")).headers["allow"]).toBe("GET, POST");
  });
});

describe("entities of a file", () => {
  it("are read like others, and not changed: the refusal says where that is done", async () => {
    const { ask } = createFileAdmin();
    await ask("POST /config", { body: { config: yaml } });
    const { id } = (await ask("GET /services/chat")).body;
    for (const line of [
      "POST /services",
      `PATCH /services/${id}`,
      "PUT /services/x",
      `DELETE /services/${id}`,
    ]) {
      const { body, status } = await ask(line, { body: { host: "b" } });
      expect([status, body.code], line).toEqual([405, 12]);
      expect(body.message).toContain("change the file, or POST /config");
    }
    expect((await ask("GET /")).body.configuration.database).toBe("off");
    expect((await ask("GET /audit")).body).toEqual({ data: [], next: null });
  });
});
