import { describe, expect, it } from "vitest";
import { createAdmin } from "../../test/support/admin-api.ts";
import { tlsFile } from "../../test/support/entity-samples.ts";

const pair = { cert: tlsFile("client.crt"), key: tlsFile("client.key") };

describe("snis of a certificate", () => {
  it("are made with it, each an entity of its own", async () => {
    const { ask } = createAdmin();
    const made = await ask("POST /certificates", {
      body: { ...pair, snis: ["b.example", "a.example", "b.example"] },
    });
    expect([made.status, made.body.snis]).toEqual([201, ["a.example", "b.example"]]);
    const { id } = made.body;
    expect((await ask("GET /snis/a.example")).body).toMatchObject({ name: "a.example", certificate: { id } });
    expect((await ask(`GET /certificates/${id}/snis`)).body.data).toHaveLength(2);
    expect((await ask("GET /certificates")).body.data).toMatchObject([{ snis: ["a.example", "b.example"] }]);
    expect((await ask("GET /snis/a.example/certificate")).body.snis).toHaveLength(2);
    expect((await ask("GET /audit")).body.data).toHaveLength(1);
  });

  it("come by a form", async () => {
    const { ask } = createAdmin();
    const body = new URLSearchParams([
      ...Object.entries(pair),
      ["snis[]", "a.example"],
      ["snis[]", "*.b.example"],
    ]);
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    expect((await ask("POST /certificates", { body: String(body), headers })).body.snis).toEqual([
      "*.b.example",
      "a.example",
    ]);
  });

  it("are those of the list afterwards, and stay where there is none", async () => {
    const { ask } = createAdmin();
    const { id } = (await ask("POST /certificates", { body: { ...pair, snis: ["a.example", "b.example"] } }))
      .body;
    const kept = (await ask("GET /snis/b.example")).body.id;
    const path = `/certificates/${id}`;
    expect((await ask(`PATCH ${path}`, { body: { snis: ["b.example", "c.example"] } })).body.snis).toEqual([
      "b.example",
      "c.example",
    ]);
    expect((await ask("GET /snis/b.example")).body.id).toBe(kept);
    expect((await ask("GET /snis/a.example")).status).toBe(404);
    for (const body of [{ tags: ["x"] }, { snis: null }])
      expect((await ask(`PATCH ${path}`, { body })).body.snis).toHaveLength(2);
    expect((await ask(`PUT ${path}`, { body: pair })).body.snis).toHaveLength(2);
    const whole = (await ask(`GET ${path}`)).body;
    expect((await ask(`PUT ${path}`, { body: whole })).body.snis).toEqual(["b.example", "c.example"]);
    expect((await ask(`PATCH ${path}`, { body: { snis: [] } })).body.snis).toEqual([]);
    expect((await ask("GET /snis")).body.data).toEqual([]);
  });

  it("that cannot be leave nothing behind", async () => {
    const { ask } = createAdmin();
    await ask("POST /certificates", { body: { ...pair, snis: ["a.example"] } });
    for (const [snis, status] of [
      [["free.example", "a.example"], 409],
      [["no name"], 400],
      ["a.example", 400],
      [[7], 400],
    ] as const)
      expect((await ask("POST /certificates", { body: { ...pair, snis } })).status).toBe(status);
    expect((await ask("GET /certificates")).body.data).toHaveLength(1);
    expect((await ask("GET /snis")).body.data).toHaveLength(1);
  });
});
