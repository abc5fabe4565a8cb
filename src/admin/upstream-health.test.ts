import { describe, expect, it } from "vitest";
import { type Ask, createAdmin } from "../../test/support/admin-api.ts";
import type { TargetMark, UpstreamState } from "../upstreams/upstream-health.ts";

const state = (id: string): UpstreamState => ({
  id,
  name: "api",
  health: "unhealthy",
  targets: [
    { name: "10.0.0.1:8000", host: "10.0.0.1", port: 8000, weight: 100, health: "unhealthy" },
    { name: "b:80", host: "b", port: 80, weight: 50, health: "healthy" },
  ],
});

/** An upstream `api` of three targets, two of which run, and what is marked. */
async function withUpstream(): Promise<{ ask: Ask; marks: [TargetMark, string][]; id: string }> {
  const marks: [TargetMark, string][] = [];
  let id = "";
  const { ask } = createAdmin({
    env: { SOME_TARGET: "10.0.0.7:80" },
    upstreams: {
      states: async () => [state(id)],
      async mark(mark, actor) {
        if (mark.target === "b:80") throw new Error("worker 2 does not answer");
        if (mark.target === "idle:80") return false;
        marks.push([mark, actor]);
        return true;
      },
    },
  });
  id = (await ask("POST /upstreams", { body: { name: "api" } })).body.id;
  for (const [target, weight] of Object.entries({ "10.0.0.1": 100, "b:80": 50, "idle:80": 0 }))
    await ask("POST /upstreams/api/targets", { body: { target, weight } });
  return { ask, marks, id };
}

describe("the health of an upstream's targets", () => {
  it("is told with each target's own fields, in pages", async () => {
    const { ask, id } = await withUpstream();
    const { body, status } = await ask("GET /upstreams/api/health");
    expect(status).toBe(200);
    expect(body).toMatchObject({ next: null, total: 3, node_id: "00000000-0000-4000-8000-00000000abcd" });
    const byTarget = new Map(body.data.map((each: { target: string }) => [each.target, each]));
    expect(byTarget.get("10.0.0.1:8000")).toEqual({
      id: expect.any(String),
      tags: null,
      created_at: expect.any(Number),
      updated_at: expect.any(Number),
      target: "10.0.0.1:8000",
      weight: 100,
      failover: false,
      upstream: { id },
      health: "UNHEALTHY",
      data: {
        host: "10.0.0.1",
        port: 8000,
        nodeWeight: 100,
        weight: { total: 100, available: 0, unavailable: 100 },
        addresses: [{ ip: "10.0.0.1", port: 8000, health: "UNHEALTHY", weight: 100 }],
      },
    });
    expect(byTarget.get("b:80")).toMatchObject({
      health: "HEALTHY",
      data: { weight: { available: 50, unavailable: 0 } },
    });
    expect(byTarget.get("idle:80")).toMatchObject({ health: "HEALTHCHECKS_OFF", data: { nodeWeight: 0 } });
    const page = await ask(`GET /upstreams/${id}/health?size=2`);
    expect(page.body).toMatchObject({ next: expect.stringContaining("/health?size=2&offset="), total: 3 });
    expect(page.body.data).toHaveLength(2);
  });

  it("is told of the upstream alone where that is asked for", async () => {
    const { ask, id } = await withUpstream();
    expect((await ask("GET /upstreams/api/health?balancer_health=1")).body).toEqual({
      data: { id, health: "UNHEALTHY" },
      next: null,
      node_id: "00000000-0000-4000-8000-00000000abcd",
    });
    await ask("POST /upstreams", { body: { name: "unused" } });
    const { body } = await ask("GET /upstreams/unused/health?balancer_health=1");
    expect(body.data.health).toBe("HEALTHCHECKS_OFF");
  });

  it("is only read, of an upstream that is there, and never made up", async () => {
    const { ask } = await withUpstream();
    expect((await ask("GET /upstreams/nobody/health")).status).toBe(404);
    expect((await ask("POST /upstreams/api/health")).headers["allow"]).toBe("GET");
    const { ask: askIdle } = createAdmin({ upstreams: { states: () => Promise.reject(new Error("gone")) } });
    await askIdle("POST /upstreams", { body: { name: "api" } });
    const { body, status } = await askIdle("GET /upstreams/api/health");
    expect([status, body.message]).toEqual([503, "the targets' health is not known: gone"]);
  });
});

describe("targets/all", () => {
  it("is the list of targets; only reading it is", async () => {
    const { ask } = await withUpstream();
    const all = await ask("GET /upstreams/api/targets/all/");
    expect(all.body).toEqual((await ask("GET /upstreams/api/targets")).body);
    expect(all.body.data).toHaveLength(3);
    expect((await ask("PATCH /upstreams/api/targets/all", { body: { weight: 1 } })).status).toBe(404);
  });
});

describe("marking a target", () => {
  it.each(["PUT", "POST"])(
    "by %s takes it by address, with or without its port, and by id",
    async (method) => {
      const { ask, id, marks } = await withUpstream();
      const { data } = (await ask("GET /upstreams/api/targets")).body;
      const own = data.find(({ target }: { target: string }) => target === "10.0.0.1:8000");
      const paths = ["10.0.0.1", "10.0.0.1:8000", own.id, own.id.toUpperCase(), "10.0.0.1/10.0.0.1:8000"];
      for (const path of paths) {
        const answer = await ask(`${method} /upstreams/api/targets/${path}/unhealthy`);
        expect([answer.status, answer.text]).toEqual([204, ""]);
      }
      await ask(`${method} /upstreams/${id}/targets/10.0.0.1/healthy`);
      const mark = (health: string) => [{ upstreamId: id, target: "10.0.0.1:8000", health }, "203.0.113.7"];
      expect(marks).toEqual([...Array.from({ length: 5 }, () => mark("unhealthy")), mark("healthy")]);
    },
  );

  it("changes no entity", async () => {
    const { ask } = await withUpstream();
    const before = (await ask("GET /audit")).body.data.length;
    await ask("PUT /upstreams/api/targets/10.0.0.1/unhealthy");
    expect((await ask("GET /audit")).body.data).toHaveLength(before);
  });

  it.each([
    "nobody/targets/10.0.0.1/healthy",
    "api/targets/10.0.0.9/healthy",
    "api/targets/10.0.0.1/10.0.0.2:8000/healthy",
    "api/targets/10.0.0.1/poorly",
    "api/targets/10.0.0.1/a/b/healthy",
  ])("at %s finds nothing", async (path) => {
    const { ask, marks } = await withUpstream();
    expect((await ask(`PUT /upstreams/${path}`)).status).toBe(404);
    expect(marks).toEqual([]);
  });

  it("tells apart what is not there and what only the running gateway knows", async () => {
    const { ask, marks } = await withUpstream();
    const target = "{vault://env/some-target}";
    const made = await ask("POST /upstreams/api/targets", { body: { target } });
    expect(made.status).toBe(201);
    const vaulted = await ask(`PUT /upstreams/api/targets/${made.body.id}/unhealthy`);
    expect([vaulted.status, vaulted.body.message]).toEqual([
      404,
      expect.stringContaining("its address comes from a vault"),
    ]);
    const nobody = await ask("PUT /upstreams/api/targets/a:b:c/unhealthy");
    expect([nobody.status, nobody.body.message]).toEqual([404, "Not found"]);
    expect(marks).toEqual([]);
  });

  it("says why it could not be done", async () => {
    const { ask } = await withUpstream();
    const idle = await ask("PUT /upstreams/api/targets/idle:80/unhealthy");
    expect([idle.status, idle.body.message]).toEqual([
      404,
      expect.stringContaining("its weight is 0, or no service"),
    ]);
    const cut = await ask("PUT /upstreams/api/targets/b:80/unhealthy");
    expect([cut.status, cut.body.message]).toEqual([
      503,
      "the target may not be marked everywhere yet, so mark it again: worker 2 does not answer",
    ]);
    const wrong = await ask("GET /upstreams/api/targets/b:80/unhealthy");
    expect([wrong.status, wrong.headers["allow"]]).toEqual([405, "PUT, POST"]);
  });
});
