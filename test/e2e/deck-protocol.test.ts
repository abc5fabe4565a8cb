/** What current decK does with an admin API, replayed: it runs where decK itself cannot be had. */
import { readFileSync } from "node:fs";
import { request } from "undici";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import { type AdminGateway, emptied, startAdminGateway } from "../support/admin-gateway.ts";
import { comparable } from "../support/deck-comparison.ts";
import { seedFor, simulatorInReadmes } from "../support/deck-fixtures.ts";
import { DeckReplay } from "../support/deck-replay.ts";
import { embedLocally } from "../support/gateway.ts";
import { codeBlocks, examplesWithoutServer, exportedVariables } from "../support/readme.ts";
import { buildCommand, type Command } from "../support/sluice-process.ts";

const text = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const everything = text("test/fixtures/deck/everything.yaml");
const apiKey = "sk-replay-7d21c5";
const examples = examplesWithoutServer();
const env = {
  DECK_OPENAI_API_KEY: apiKey,
  DECK_OPENAI_CHAT_URL: "http://127.0.0.1:1/v1/chat/completions", // nobody asks a model here
  DECK_REDIS_HOST: "127.0.0.1",
};

let command: Command;
let simulator: Simulator;
let source: AdminGateway;
let copy: AdminGateway;
beforeAll(async () => {
  command = await buildCommand();
  simulator = await startSimulator({ now: Date.now, embed: embedLocally });
  [source, copy] = await Promise.all([startAdminGateway(command), startAdminGateway(command)]);
}, 120_000);
afterAll(async () => {
  await Promise.all([source.stop(), copy.stop(), simulator.close()]);
});
beforeEach(async () => {
  await Promise.all([emptied(source), emptied(copy)]);
});

const nothing = { created: 0, updated: 0, deleted: 0, differences: [] };

describe.each([
  ["one of each kind of entity", () => everything, 17],
  ["partials", () => text("test/fixtures/deck/partials.yaml"), 10],
  ["the seed config", () => seedFor(simulator.url), 3],
] as const)("%s", (_, read, count) => {
  it("is found unchanged once it is there", async () => {
    const deck = new DeckReplay({ admin: source.admin, env });
    const state = read();
    expect(await deck.sync(state)).toMatchObject({ created: count, updated: 0, deleted: 0 });
    expect(await deck.diff(state)).toEqual(nothing);
    expect(await deck.sync(state)).toEqual(nothing);
  });

  it("is the same when it has been carried to another gateway", async () => {
    const state = read();
    const from = new DeckReplay({ admin: source.admin, env });
    await from.sync(state);
    const entities = await from.read();
    const to = new DeckReplay({ admin: copy.admin, env });
    await to.bring(entities);
    expect((await to.read()).map(comparable)).toEqual(entities.map(comparable));
    expect(await to.diff(state)).toEqual(nothing);
  });
});

it.each(examples)("examples/%s is found unchanged once it is there", async (name) => {
  const exported = exportedVariables(
    text(`examples/${name}/README.md`).replaceAll(simulatorInReadmes, simulator.url),
  );
  const deck = new DeckReplay({ admin: source.admin, env: { ...env, ...exported } });
  const state = text(`examples/${name}/gateway.yaml`);
  expect(await deck.sync(state)).toMatchObject({ updated: 0, deleted: 0 });
  expect(await deck.diff(state)).toEqual(nothing);
});

it("the file in the guide is found unchanged once it is there", async () => {
  const [state = ""] = codeBlocks(text("docs/guide/deck.md"), "yaml");
  const deck = new DeckReplay({ admin: source.admin, env });
  expect(await deck.sync(state)).toMatchObject({ created: 3 });
  expect(await deck.diff(state)).toEqual(nothing);
});

describe("decK's requests", () => {
  it.each([1, 10])("are taken %i at a time", async (parallelism) => {
    const deck = new DeckReplay({ admin: source.admin, env, parallelism });
    expect(await deck.sync(everything)).toMatchObject({ created: 17 });
    expect(await deck.reset()).toBe(17);
    expect(await deck.read()).toEqual([]);
  });

  it.each([1, 2])("find everything in pages of %i", async (pageSize) => {
    const whole = new DeckReplay({ admin: source.admin, env });
    await whole.sync(everything);
    const paged = new DeckReplay({ admin: source.admin, env, pageSize });
    expect(await paged.read()).toEqual(await whole.read());
    expect(await paged.diff(everything)).toEqual(nothing);
  });

  it("with tags find what has all of them", async () => {
    const deck = new DeckReplay({ admin: source.admin, env });
    await deck.sync(everything);
    const found = await deck.read(["llm", "shop"]);
    expect(found.map(({ fields }) => fields["name"])).toEqual(["shop"]);
    expect(await deck.read(["nobody"])).toEqual([]);
  });

  it("change what differs, and delete what the file no longer has", async () => {
    const deck = new DeckReplay({ admin: source.admin, env });
    await deck.sync(everything);
    const changed = everything
      .replace("retries: 3", "retries: 4")
      .replace(/^vaults:\n(?: +.*\n|- .*\n)+/m, "");
    const expected = { created: 0, updated: 1, deleted: 1 };
    expect(await deck.diff(changed)).toMatchObject(expected);
    const { differences } = await deck.sync(changed);
    expect(differences).toEqual([
      expect.stringMatching(/^plugins ai-proxy-advanced .* config: .*"retries":3.*"retries":4/),
    ]);
    expect(await deck.diff(changed)).toEqual(nothing);
  });
});

describe("secrets", () => {
  async function shown(headers: Readonly<Record<string, string>>): Promise<string> {
    const lists = ["plugins", "key-auths"].map(async (list) =>
      (await request(`${source.admin}/${list}`, { headers })).body.text(),
    );
    return (await Promise.all(lists)).join("\n");
  }

  it("are shown to decK, which says who it is or asks for them, and to nobody else", async () => {
    await new DeckReplay({ admin: source.admin, env }).sync(everything);
    for (const headers of [{ "user-agent": "decK/v1.65.1" }, { "sluice-secrets": "plain" }]) {
      const plain = await shown(headers);
      expect(plain).toContain(apiKey);
      expect(plain).toContain("alice-key-0123456789");
    }
    for (const headers of [{}, { "user-agent": "Go-http-client/1.1" }, { "user-agent": "curl/8.5.0" }]) {
      const covered = await shown(headers);
      expect(covered).not.toContain(apiKey);
      expect(covered).not.toContain("alice-key");
    }
  });
});

describe("decK's validate", () => {
  const validate = async (kind: string, body: object) => {
    const answer = await request(`${source.admin}/schemas/${kind}/validate`, {
      method: "POST",
      headers: { "user-agent": "decK/v1.65.1", "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: answer.statusCode, body: await answer.body.json() };
  };
  const id = "3b59c03b-39d6-4fe8-94e2-15c2ddd0fbdf";
  const elsewhere = "614e6e76-82fa-4910-8a22-d2fdb17bfeed";
  const target = { route_type: "llm/v1/chat", model: { provider: "openai", name: "gpt-4o" } };

  it.each([
    ["services", { id, name: "llm", host: "localhost", port: 80, protocol: "http", retries: 5 }],
    ["routes", { id, name: "chat", paths: ["~/chat$"], service: { id: elsewhere, name: "llm" } }],
    ["consumers", { id, username: "alice" }],
    ["consumer_groups", { id, name: "gold" }],
    ["keyauth_credentials", { id, key: "secret-1", consumer: { id: elsewhere, username: "alice" } }],
    [
      "plugins",
      {
        id,
        name: "ai-proxy-advanced",
        route: { id: elsewhere, name: "chat" },
        config: { targets: [target] },
      },
    ],
  ])("is told that an entity of %s fits, though what it refers to is not there", async (kind, body) => {
    expect(await validate(kind, body)).toMatchObject({ status: 200 });
  });

  it("is told what is wrong and where", async () => {
    const config = { balancer: { algorithm: "fastest" }, targets: [target] };
    const { body, status } = await validate("plugins", { id, name: "ai-proxy-advanced", config });
    expect(status).toBe(400);
    expect(body).toMatchObject({
      message: expect.stringMatching(/config\.balancer\.algorithm: .*round-robin/),
    });
  });
});
