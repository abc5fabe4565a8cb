import { describe, expect, it } from "vitest";
import { createAdmin } from "../../test/support/admin-api.ts";

describe("the front page", () => {
  it("tells Kong's tools what they look for", async () => {
    const { ask } = createAdmin();
    await ask("POST /plugins", { body: { name: "key-auth" } });
    const { body, headers } = await ask("GET /");
    expect(body).toMatchObject({
      version: expect.stringMatching(/^3\.\d+\.\d+$/),
      configuration: { database: "postgres" },
      plugins: {
        available_on_server: { "ai-proxy-advanced": expect.anything() },
        enabled_in_cluster: ["key-auth"],
      },
    });
    expect(headers).toMatchObject({
      server: `kong/${body.version}`,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    });
  });
});

describe("/status", () => {
  it("tells the hash of what is configured, and whether it runs", async () => {
    const { ask, world } = createAdmin();
    const before = (await ask("GET /status")).body;
    expect(before).toMatchObject({ database: { reachable: true }, configuration_hash: "0".repeat(32) });
    expect(before).not.toHaveProperty("configuration_fault");
    await ask("POST /services", { body: { host: "a" } });
    expect((await ask("GET /status")).body.configuration_hash).toBe(world.control.hash);
    world.refusal = new Error("no worker serves");
    await world.control.refresh().catch(() => undefined);
    expect((await ask("GET /status")).body.configuration_fault).toBe("no worker serves");
  });
});

describe("/tags", () => {
  it("lists what is tagged, of all kinds", async () => {
    const { ask } = createAdmin();
    const service = (await ask("POST /services", { body: { host: "a", tags: ["x", "y"] } })).body;
    const consumer = (await ask("POST /consumers", { body: { username: "ada", tags: ["y"] } })).body;
    const ofService = (tag: string) => ({ entity_name: "services", entity_id: service.id, tag });
    const ofConsumer = { entity_name: "consumers", entity_id: consumer.id, tag: "y" };
    expect((await ask("GET /tags")).body.data).toEqual(
      expect.arrayContaining([ofService("x"), ofService("y"), ofConsumer]),
    );
    expect((await ask("GET /tags/x")).body).toEqual({ data: [ofService("x")], next: null });
    expect((await ask("GET /tags/none")).body.data).toEqual([]);
    expect((await ask("GET /tags/x/y")).status).toBe(404);
    expect((await ask("POST /tags")).headers["allow"]).toBe("GET");
  });

  it("come in pages, each once", async () => {
    const { ask } = createAdmin();
    for (const name of ["a", "b"])
      await ask(`PUT /services/${name}`, { body: { host: "a", tags: ["x", "y"] } });
    const seen: string[] = [];
    for (let next = "/tags?size=1"; next !== null; ) {
      const page = (await ask(`GET ${next}`)).body;
      seen.push(...page.data.map((each: Record<string, string>) => `${each["entity_id"]} ${each["tag"]}`));
      next = page.next;
    }
    expect([seen.length, new Set(seen).size]).toEqual([4, 4]);
    expect((await ask("GET /tags/x?size=1")).body.next).toMatch(/^\/tags\/x\?size=1&offset=/);
  });

  it("are refused where they could not be asked for", async () => {
    const { ask } = createAdmin();
    for (const tag of ["a,b", "a/b", ""]) {
      const { body, status } = await ask("POST /services", { body: { host: "a", tags: ["ok", tag] } });
      expect([status, body.fields.tags]).toEqual([400, { 1: expect.stringContaining("must have neither") }]);
    }
    expect((await ask("POST /services", { body: { host: "a", tags: ["größe 1", "a=b:c"] } })).status).toBe(
      201,
    );
  });
});

describe("/audit", () => {
  it("tells who changed what, newest first, in pages", async () => {
    const { ask } = createAdmin();
    for (const number of [1, 2, 3]) await ask(`PUT /services/s-${number}`, { body: { host: "a" } });
    await ask("PATCH /services/s-1", { body: { host: "b" } });
    await ask("DELETE /services/s-2");
    const first = (await ask("GET /audit?size=2")).body;
    expect(first.data).toMatchObject([
      {
        version: 5,
        source: "DELETE /services/s-2",
        changes: [{ operation: "delete", before: { name: "s-2" } }],
      },
      {
        version: 4,
        source: "PATCH /services/s-1",
        changes: [{ operation: "update", kind: "service", before: { host: "a" }, after: { host: "b" } }],
      },
    ]);
    const second = (await ask(`GET ${first.next}`)).body;
    const third = (await ask(`GET ${second.next}`)).body;
    expect([...second.data, ...third.data].map(({ version }) => version)).toEqual([3, 2, 1]);
    expect(third.next).toBeNull();
  });

  it("says which page there is not", async () => {
    const { ask } = createAdmin();
    expect((await ask("GET /audit?before=x")).body.code).toBe(7);
    expect((await ask("GET /audit?size=0")).body.code).toBe(9);
    expect((await ask("GET /audit/1")).status).toBe(404);
    expect((await ask("POST /audit")).headers["allow"]).toBe("GET");
  });

  it("has nothing of what was refused, and of what changed nothing", async () => {
    const { ask } = createAdmin();
    await ask("POST /services", { body: {} });
    await ask("DELETE /services/nobody");
    expect((await ask("GET /audit")).body.data).toEqual([]);
  });
});

describe("what the store cannot keep", () => {
  it("is answered 503, with the reason", async () => {
    const { ask, world } = createAdmin();
    world.store.failure = new Error("disk is full");
    const { body, status } = await ask("POST /services", { body: { host: "a" } });
    expect([status, body.code, body.message]).toEqual([503, 8, "nothing was changed: disk is full"]);
    expect((await ask("GET /services")).body.data).toEqual([]);
  });
});

describe("a target", () => {
  it("is found by its address, but only below its own upstream", async () => {
    const { ask } = createAdmin();
    for (const name of ["one", "two"]) await ask("POST /upstreams", { body: { name } });
    const { body } = await ask("POST /upstreams/one/targets", { body: { target: "10.0.0.1:80", weight: 7 } });
    expect((await ask("GET /upstreams/one/targets/10.0.0.1:80")).body).toEqual(body);
    expect((await ask("GET /upstreams/two/targets/10.0.0.1:80")).status).toBe(404);
    expect((await ask("GET /targets/10.0.0.1:80")).status).toBe(404);
    await ask("PATCH /upstreams/one/targets/10.0.0.1:80", { body: { weight: 9 } });
    expect((await ask(`GET /targets/${body.id}`)).body.weight).toBe(9);
    const replaced = await ask("PUT /upstreams/one/targets/10.0.0.1:80", { body: { weight: 3 } });
    expect(replaced.body).toMatchObject({ id: body.id, weight: 3 });
    expect((await ask("PUT /upstreams/two/targets/10.0.0.1:80", { body: {} })).body).toMatchObject({
      target: "10.0.0.1:80",
      weight: 100,
    });
    expect((await ask("PUT /targets/10.0.0.9:80", { body: {} })).status).toBe(404);
    expect((await ask("DELETE /upstreams/one/targets/10.0.0.1:80")).status).toBe(204);
    expect((await ask("GET /upstreams/one/targets")).body.data).toEqual([]);
  });

  it("has its port written down, as Kong has it, and is found with it and without", async () => {
    const { ask } = createAdmin();
    await ask("POST /upstreams", { body: { name: "one" } });
    const { body } = await ask("POST /upstreams/one/targets", { body: { target: "api.internal" } });
    expect(body.target).toBe("api.internal:8000");
    for (const name of ["api.internal", "api.internal:8000"])
      expect((await ask(`GET /upstreams/one/targets/${name}`)).body).toEqual(body);
    const again = await ask("POST /upstreams/one/targets", { body: { target: "api.internal:8000" } });
    expect(again.status).toBe(409);
  });
});

describe("a target that its upstream has already", () => {
  it("is a conflict, as for everything that there may be once", async () => {
    const { ask } = createAdmin();
    for (const name of ["one", "two"]) await ask(`PUT /upstreams/${name}`, { body: {} });
    const body = { target: "10.0.0.1:80" };
    const upstream = (await ask("POST /upstreams/one/targets", { body })).body.upstream;
    const again = await ask("POST /upstreams/one/targets", { body });
    expect([again.status, again.body.code, again.body.fields]).toEqual([409, 5, { ...body, upstream }]);
    expect((await ask("POST /upstreams/two/targets", { body })).status).toBe(201);
  });
});

describe("a list", () => {
  it("may be asked by what only one entity has", async () => {
    const { ask } = createAdmin();
    for (const [username, custom] of [
      ["ann", "7"],
      ["bob", "8"],
    ])
      await ask("POST /consumers", { body: { username, custom_id: custom } });
    const names = async (query: string) =>
      (await ask(`GET /consumers?${query}`)).body.data.map(({ username }: { username: string }) => username);
    expect(await names("custom_id=8")).toEqual(["bob"]);
    expect(await names("username=ann")).toEqual(["ann"]);
    expect(await names("custom_id=8&username=ann")).toEqual([]);
    expect(await names("custom_id=9")).toEqual([]);
    expect(await names("colour=red")).toHaveLength(2);
  });

  it("of keys is not asked by key: it would tell who has guessed one", async () => {
    const { ask } = createAdmin();
    await ask("PUT /consumers/ann");
    await ask("POST /consumers/ann/key-auth", { body: { key: "ann-key-1" } });
    expect((await ask("GET /key-auths?key=other")).body.data).toHaveLength(1);
  });
});

describe("a body", () => {
  it("that is packed is refused with the reason", async () => {
    const { ask } = createAdmin();
    const { body, status } = await ask("POST /services", {
      body: "x",
      headers: { "content-encoding": "gzip" },
    });
    expect([status, body.message]).toEqual([
      400,
      "content-encoding gzip is not understood: send the body as it is",
    ]);
  });
});

describe("a partial", () => {
  it("tells which plugins link it", async () => {
    const { ask } = createAdmin();
    const partial = (
      await ask("POST /partials", { body: { name: "p", type: "redis-ee", config: { host: "a" } } })
    ).body;
    await ask("POST /partials", { body: { name: "free", type: "redis-ee", config: { host: "b" } } });
    const { body } = await ask("POST /plugins", {
      body: {
        name: "ai-rate-limiting-advanced",
        instance_name: "limits",
        config: { strategy: "redis", policies: [{ limits: [{ limit: 1, window_size: 60 }] }] },
        partials: [{ id: partial.id, path: "config.redis" }],
      },
    });
    expect(body.message).toBeUndefined();
    expect((await ask("GET /partials/p/links")).body).toEqual({
      data: [{ id: body.id, name: "ai-rate-limiting-advanced", instance_name: "limits" }],
      next: null,
    });
    expect((await ask("GET /partials/free/links")).body.data).toEqual([]);
    expect((await ask("GET /partials/none/links")).status).toBe(404);
    expect((await ask("POST /partials/p/links")).headers["allow"]).toBe("GET");
  });
});
