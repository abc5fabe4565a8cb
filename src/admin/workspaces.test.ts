import { describe, expect, it } from "vitest";
import { createAdmin } from "../../test/support/admin-api.ts";

describe("the workspace default", () => {
  it("is there, alone", async () => {
    const { ask } = createAdmin();
    const { data } = (await ask("GET /workspaces")).body;
    expect(data).toMatchObject([{ name: "default" }]);
    expect((await ask("GET /workspaces/default")).body).toEqual(data[0]);
    expect((await ask(`GET /workspaces/${data[0].id}`)).body).toEqual(data[0]);
    expect((await ask("HEAD /workspaces/default")).status).toBe(200);
    expect((await ask("GET /workspaces/other")).status).toBe(404);
    expect((await ask("GET /workspaces/default/meta")).status).toBe(404);
  });

  it("may stand before every path, and leads to the same", async () => {
    const { ask } = createAdmin();
    expect((await ask("POST /default/services", { body: { name: "a", host: "a" } })).status).toBe(201);
    await ask("PUT /default/services/a/routes/r", { body: { paths: ["/r"] } });
    await ask("PUT /services/b", { body: { host: "b" } });
    expect((await ask("GET /services/a/routes")).body).toEqual((await ask("GET /default/routes")).body);
    expect((await ask("GET /default")).body).toEqual((await ask("GET /")).body);
    expect((await ask("GET /default/kong")).body).toEqual((await ask("GET /")).body);
    expect((await ask("GET /default/schemas/services")).status).toBe(200);
    const first = (await ask("GET /default/services?size=1")).body;
    expect(first.next).toMatch(/^\/default\/services\?/);
    expect((await ask(`GET ${first.next}`)).body.data).toHaveLength(1);
  });

  it("is the only one that can be: others are refused with what to do instead", async () => {
    const { ask } = createAdmin();
    for (const line of ["POST /workspaces", "PUT /workspaces/other", "DELETE /workspaces/default"]) {
      const { body, status } = await ask(line, { body: { name: "other" } });
      expect([status, body.code, body.message]).toEqual([
        405,
        12,
        expect.stringContaining("there is one workspace"),
      ]);
    }
    expect((await ask("GET /other/services")).status).toBe(404);
  });
});
