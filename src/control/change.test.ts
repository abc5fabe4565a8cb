import { describe, expect, it } from "vitest";
import { covers, createContext, idNumbered, stored, testNow } from "../../test/support/control.ts";
import { refusalOf } from "../../test/support/refusals.ts";
import { smallSet as entities, idOf } from "../../test/support/small-set.ts";
import { create, join, leave, modify, replace } from "./change.ts";
import { EntitySet } from "./entity-set.ts";
import { kindOf } from "./kinds.ts";
import { remove } from "./removal.ts";

const service = kindOf("service");
const route = kindOf("route");
const plugin = kindOf("plugin");
const consumer = kindOf("consumer");
const credential = kindOf("keyauth_credential");

const later = (seconds: number) => createContext({ now: testNow + seconds });
describe("a new entity", () => {
  it("is there in full, with an id and the time", () => {
    const { put, record, removed } = create(EntitySet.empty, service, { host: "a.example" }, createContext());
    expect(record).toMatchObject({
      id: idNumbered(1),
      host: "a.example",
      name: null,
      port: 80,
      created_at: testNow,
      updated_at: testNow,
    });
    expect(put).toEqual([{ kind: "service", id: idNumbered(1), record }]);
    expect(removed).toEqual([]);
  });

  it("may bring its id and the time it was made, but not that of its last change", () => {
    const fields = { ...idOf(9), host: "a", created_at: 5, updated_at: 5 };
    const { record } = create(EntitySet.empty, service, fields, createContext());
    expect(record).toMatchObject({ id: idNumbered(9), created_at: 5, updated_at: testNow });
  });

  it("has its shorthands expanded", () => {
    const { record } = create(EntitySet.empty, service, { url: "https://a.example/v1" }, createContext());
    expect(record).toMatchObject({ protocol: "https", host: "a.example", port: 443, path: "/v1" });
    expect(record).not.toHaveProperty("url");
  });

  it("refers to others by id, by name or by a text, and keeps the id", () => {
    for (const reference of [idOf(101), { name: "chat" }, "chat", idNumbered(101)]) {
      const { record } = create(entities, route, { service: reference }, createContext());
      expect(record?.["service"]).toEqual(idOf(101));
    }
    expect(create(entities, route, { service: null }, createContext()).record?.["service"]).toBeNull();
  });

  it("is refused when it refers to what is not there, in the client's words", () => {
    for (const [reference, key] of [
      ["chta", '{id="chta"}'],
      [{ name: "chta" }, '{name="chta"}'],
    ] as const) {
      const refusal = refusalOf(() => create(entities, route, { service: reference }, createContext()));
      expect(refusal.kind).toBe("foreign_key_violation");
      expect(refusal.message).toContain(`'${key}' does not reference an existing 'services'`);
    }
    for (const reference of [7, {}, [idOf(101)], { id: 5 }])
      expect(
        refusalOf(() => create(entities, route, { service: reference }, createContext())).fields,
      ).toEqual({
        service: 'expected a reference such as {"id": "…"}',
      });
  });

  it("is refused with an id that is taken or is none", () => {
    expect(refusalOf(() => create(entities, service, idOf(101), createContext())).kind).toBe(
      "primary_key_violation",
    );
    for (const id of ["one", 7, {}])
      expect(refusalOf(() => create(entities, service, { id }, createContext())).fields).toEqual({
        id: "expected a valid UUID",
      });
  });

  it("is refused with others nested in it, where it has shorthands too", () => {
    const fields = { url: "http://a.example", routes: [{ paths: ["/"] }] };
    expect(refusalOf(() => create(entities, service, fields, createContext())).fields).toHaveProperty(
      "routes",
    );
    const none = { ...fields, routes: null };
    expect(create(entities, service, none, createContext()).record).not.toHaveProperty("routes");
  });

  it("is refused with what only files have, unless that is null", () => {
    const fields = { username: "bob", groups: [{ name: "team" }] };
    expect(refusalOf(() => create(entities, consumer, fields, createContext())).message).toContain(
      "groups: unknown field: only files have it",
    );
    const { record } = create(entities, consumer, { ...fields, groups: null }, createContext());
    expect(record).not.toHaveProperty("groups");
  });

  it("has its key made up where it brings none, which is told this once", () => {
    const { generated, record } = create(entities, credential, { consumer: idOf(104) }, createContext());
    expect(record?.["key"]).toMatch(/^made-up-/);
    expect(generated).toEqual({ key: record?.["key"] });
    const own = create(entities, credential, { consumer: idOf(104), key: "own" }, createContext());
    expect(own).toMatchObject({ generated: {}, record: { key: "own" } });
  });

  it("is refused with a cover of a secret it never had", () => {
    const fields = { consumer: idOf(104), key: covers.cover("ada's key") };
    expect(refusalOf(() => create(entities, credential, fields, createContext())).fields).toHaveProperty(
      "key",
    );
  });
});

describe("replacing", () => {
  it("leaves nothing of what the entity was but its id and its age", () => {
    const { record } = replace(entities, service, "chat", { host: "b.example" }, later(10));
    expect(record).toMatchObject({
      ...idOf(101),
      name: "chat",
      host: "b.example",
      tags: null,
      created_at: testNow,
      updated_at: testNow + 10,
    });
  });

  it("makes what is not there, under the id or the name of the address", () => {
    expect(replace(entities, service, idNumbered(9), { host: "a" }, createContext()).record).toMatchObject({
      ...idOf(9),
      name: null,
    });
    expect(replace(entities, service, "fresh", { host: "a" }, createContext()).record).toMatchObject({
      ...idOf(1),
      name: "fresh",
    });
    expect(refusalOf(() => replace(entities, credential, "by-name", {}, createContext())).kind).toBe(
      "not_found",
    );
  });

  it("makes it with the id that is given, where nobody has that", () => {
    expect(
      replace(entities, service, "fresh", { ...idOf(9), host: "a" }, createContext()).record,
    ).toMatchObject({ ...idOf(9), name: "fresh" });
    const taken = () => replace(entities, service, "fresh", { ...idOf(101), host: "a" }, createContext());
    expect(refusalOf(taken).kind).toBe("primary_key_violation");
  });

  it("goes by the name of the address where it is given none", () => {
    for (const name of ["chat", "fresh"])
      expect(
        replace(entities, service, name, { name: null, host: "a" }, createContext()).record,
      ).toMatchObject({
        name,
      });
    expect(
      replace(entities, service, idNumbered(101), { name: null, host: "a" }, createContext()).record,
    ).toMatchObject({ name: null });
  });

  it("may rename, but not give another id", () => {
    const renamed = replace(entities, service, "chat", { name: "talk", host: "a" }, createContext());
    expect(renamed.record).toMatchObject({ ...idOf(101), name: "talk" });
    const fields = { ...idOf(9), host: "a" };
    expect(refusalOf(() => replace(entities, service, "chat", fields, createContext())).fields).toEqual({
      id: `must be ${idNumbered(101)}, which is what the address names, or be left out`,
    });
  });

  it("by the same writes nothing, and keeps the time of the last change", () => {
    const fields = { host: "a.example", tags: ["x"], port: 80, path: null };
    const change = replace(entities, service, "chat", fields, later(10));
    expect(change).toMatchObject({ put: [], removed: [], record: { updated_at: testNow } });
  });
});

describe("modifying", () => {
  it("leaves what is not mentioned", () => {
    const { record } = modify(entities, service, "chat", { port: 81 }, later(10));
    expect(record).toMatchObject({ host: "a.example", tags: ["x"], port: 81, updated_at: testNow + 10 });
  });

  it("puts a default back in the place of null", () => {
    const changed = modify(entities, service, "chat", { port: 81, retries: 1 }, createContext());
    const after = entities.with(changed.put, []);
    const { record } = modify(after, service, "chat", { port: null, tags: null }, createContext());
    expect(record).toMatchObject({ port: 80, tags: null, retries: 1 });
  });

  it("changes blocks field by field, however deep; lists, and blocks with names of one's own, as wholes", () => {
    const queued = modify(
      entities,
      plugin,
      idNumbered(103),
      { config: { queue: { max_batch_size: 7 }, headers: { a: "1", c: "3" } } },
      createContext(),
    );
    const after = entities.with(queued.put, []);
    const { record } = modify(
      after,
      plugin,
      idNumbered(103),
      { config: { queue: { max_retry_time: 9 }, headers: { b: "2" } } },
      createContext(),
    );
    expect(record?.["config"]).toMatchObject({
      http_endpoint: "http://a/",
      queue: { max_batch_size: 7, max_retry_time: 9 },
      headers: { b: "2" },
    });
    expect(modify(entities, service, "chat", { tags: ["y"] }, createContext()).record?.["tags"]).toEqual([
      "y",
    ]);
  });

  it("puts another reference in the place of the one that is there", () => {
    const world = entities.with([stored("service", 110, { name: "other", host: "b" })], []);
    for (const reference of ["other", { name: "other" }, idOf(110)])
      expect(
        modify(world, route, "ask", { service: reference }, createContext()).record?.["service"],
      ).toEqual(idOf(110));
  });

  it("goes by the old way of saying what was said in the new way before", () => {
    const redis = { host: "r", connect_timeout: 7, sentinel_nodes: [{ host: "a", port: 1 }] };
    const made = EntitySet.of([stored("partial", 1, { type: "redis-ee", config: redis })]);
    const config = (fields: object) =>
      modify(made, kindOf("partial"), idNumbered(1), { config: fields }, createContext()).record?.["config"];
    expect(config({ timeout: 5 })).toMatchObject({ connect_timeout: 5, read_timeout: 5, send_timeout: 5 });
    expect(config({ timeout: 5, read_timeout: 9 })).toMatchObject({ connect_timeout: 5, read_timeout: 9 });
    expect(config({ timeout: null })).toMatchObject({ connect_timeout: 7 });
    expect(config({ sentinel_addresses: ["b:2"] })).toMatchObject({
      sentinel_nodes: null,
      sentinel_addresses: ["b:2"],
    });
  });

  it("takes shorthands", () => {
    const { record } = modify(entities, service, "chat", { url: "http://b.example" }, createContext());
    expect(record).toMatchObject({ host: "b.example", port: 80, path: null });
  });

  it("with nothing, or what is there, writes nothing", () => {
    for (const fields of [{}, { host: "a.example" }, { service: null }, { config: {} }]) {
      const kind = "config" in fields ? plugin : "service" in fields ? plugin : service;
      const key = kind === plugin ? idNumbered(103) : "chat";
      expect(modify(entities, kind, key, fields, later(10)).put).toEqual([]);
    }
  });

  it("keeps the secret for its cover", () => {
    const fields = { key: covers.cover("ada's key"), ttl: 60 };
    const { record } = modify(entities, credential, idNumbered(105), fields, createContext());
    expect(record).toMatchObject({ key: "ada's key", ttl: 60 });
    const same = { key: covers.cover("ada's key") };
    expect(modify(entities, credential, idNumbered(105), same, createContext()).put).toEqual([]);
  });

  it("is refused for what is not there, and for another id", () => {
    expect(refusalOf(() => modify(entities, service, "nobody", {}, createContext())).kind).toBe("not_found");
    expect(
      refusalOf(() => modify(entities, service, "chat", idOf(9), createContext())).fields,
    ).toHaveProperty("id");
  });
});

describe("a plugin that links partials", () => {
  const made = EntitySet.of([stored("partial", 201, { name: "gpt", type: "model", config: {} })]);
  const linksOf = (...partials: readonly object[]) =>
    create(made, plugin, { name: "ai-proxy-advanced", partials }, createContext()).record?.["partials"];

  it("has each with its id, its name and the place it fills", () => {
    const link = { ...idOf(201), name: "gpt", path: "config.targets[]" };
    expect(linksOf({ name: "gpt" }, idOf(201), { ...idOf(9), name: "gpt" })).toEqual([link, link, link]);
    expect(linksOf({ name: "gpt", path: "config.targets[1]" })).toEqual([
      { ...link, path: "config.targets[1]" },
    ]);
  });

  it("keeps links that lead nowhere, and fields that nobody knows, for the check to complain about", () => {
    expect(linksOf({ name: "none" }, { name: "gpt", bogus: 1 })).toMatchObject([
      { name: "none" },
      { ...idOf(201), bogus: 1 },
    ]);
  });
});

describe("an id in capitals", () => {
  const small = "a1b2c3d4-0000-4000-8000-00000000beef";
  const big = small.toUpperCase();

  it("is kept in lower case, and is that of an entity that has it", () => {
    const { put, record } = create(EntitySet.empty, service, { id: big, host: "a" }, createContext());
    expect(record).toHaveProperty("id", small);
    expect(put).toMatchObject([{ id: small }]);
    const made = EntitySet.of(put);
    expect(refusalOf(() => create(made, service, { id: big, host: "b" }, createContext())).kind).toBe(
      "primary_key_violation",
    );
    for (const change of [
      replace(made, service, big, { id: big, host: "b" }, createContext()),
      modify(made, service, big, { id: big, host: "b" }, createContext()),
      replace(EntitySet.empty, service, big, { host: "b" }, createContext()),
    ])
      expect(change.put).toMatchObject([{ id: small, record: { id: small, host: "b" } }]);
    expect(create(made, route, { paths: ["/"], service: big }, createContext()).record).toMatchObject({
      service: { id: small },
    });
    expect(remove(made, service, big).removed).toEqual([{ kind: "service", id: small }]);
  });

  it("is no name", () => {
    const { put } = create(EntitySet.empty, service, { name: "Chat", host: "a" }, createContext());
    expect(EntitySet.of(put).find(service, "chat")).toBeUndefined();
  });
});

describe("memberships", () => {
  it("are put and removed under one key, whichever side asks", () => {
    const tie = { consumer: idNumbered(1), group: idNumbered(2) };
    const [put] = join(tie).put;
    expect(put).toMatchObject({ kind: "consumer_group_consumer", id: `${idNumbered(2)}:${idNumbered(1)}` });
    expect(leave(tie).removed).toMatchObject([{ kind: put?.kind, id: put?.id }]);
  });
});
