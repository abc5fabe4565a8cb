import { describe, expect, it } from "vitest";
import { createAdmin } from "../../test/support/admin-api.ts";
import { createExchange } from "../../test/support/exchange.ts";
import { rejectionOf } from "../../test/support/gateway-errors.ts";
import { adminRequest, bytesOf, maxAdminBody } from "./request.ts";

async function posted(body: string, contentType: string) {
  const { ask } = createAdmin();
  const { body: answer, status } = await ask("POST /services", {
    body,
    headers: { "content-type": contentType },
  });
  return { status, answer };
}

describe("the body of a request", () => {
  it.each([
    ["application/json", '{"host":"a.example"}'],
    ["application/json; charset=utf-8", '{"host":"a.example"}'],
    ["APPLICATION/JSON", '{"host":"a.example"}'],
    ["application/merge-patch+json", '{"host":"a.example"}'],
    ["", '{"host":"a.example"}'],
    ["application/x-www-form-urlencoded", "host=a.example"],
    // What `curl -d` sends by itself.
    ["application/x-www-form-urlencoded", '{"host":"a.example"}'],
    ["application/x-www-form-urlencoded", '\n {"host":"a.example"}'],
  ])("is understood as %s: %s", async (type, body) => {
    const { answer, status } = await posted(body, type);
    expect([status, answer.host]).toEqual([201, "a.example"]);
  });

  it("that is no JSON is refused without being quoted, since it may hold a secret", async () => {
    for (const body of ['{"key": very-secret', "very-secret", '{"a":1} very-secret']) {
      const { answer, status } = await posted(body, "application/json");
      expect([status, answer.code, answer.message]).toEqual([400, 2, "Cannot parse JSON body"]);
      expect(JSON.stringify(answer)).not.toContain("very-secret");
    }
  });

  it("that is not in UTF-8 is refused, as a file too", async () => {
    const { ask } = createAdmin();
    const body = Buffer.from('{"host":"a.example","tags":["größe"]}', "latin1");
    for (const line of ["POST /services", "POST /config"])
      expect(await ask(line, { body }), line).toMatchObject({
        status: 400,
        body: { code: 2, message: "the body is not in UTF-8: send it in that encoding" },
      });
  });

  it("that is JSON, but no object, is refused", async () => {
    for (const body of ["[]", '"host"', "7", "null"])
      expect((await posted(body, "application/json")).answer.message).toBe(
        "the body is not an object: send {…}",
      );
  });

  it("of another type is refused by name, saying what would do", async () => {
    for (const type of ["text/yaml", "text/plain", "application/xml"]) {
      const { answer, status } = await posted("host: a", type);
      expect([status, answer.message]).toEqual([
        400,
        `content-type ${type} is not understood: send application/json`,
      ]);
    }
  });

  it("that is empty is no fields at all", async () => {
    for (const type of ["application/json", "", "application/x-www-form-urlencoded"]) {
      const { answer, status } = await posted("", type);
      expect([status, Object.keys(answer.fields)]).toEqual([400, ["host"]]);
    }
  });

  it("that is too large is refused before it is read", async () => {
    const { ask } = createAdmin();
    const { body, status } = await ask("POST /services", {
      body: {},
      headers: { "content-length": String(maxAdminBody + 1) },
    });
    expect(status).toBe(413);
    expect(body.message).toMatch(/too large: at most 16777216 bytes/);
    const cut = createExchange({ body: "x".repeat(maxAdminBody + 1), headers: { "content-length": "1" } });
    expect(await rejectionOf(bytesOf(adminRequest(cut)))).toMatchObject({ code: "body_too_large" });
  });

  it("with blocks within blocks without end is refused", async () => {
    for (const [open, close] of [
      ["[", "]"],
      ['{"a":', "}"],
    ] as const) {
      const deep = `${open.repeat(100_000)}1${close.repeat(100_000)}`;
      const { answer, status } = await posted(`{"host":"a","tags":${deep}}`, "application/json");
      expect([status, answer.message]).toEqual([400, "the body has more than 100 blocks within each other"]);
    }
    const { status } = await posted(`a${".a".repeat(100_000)}=1`, "application/x-www-form-urlencoded");
    expect(status).toBe(400);
  });
});

describe("a path", () => {
  it("is taken apart and decoded, whatever slashes it has too many", () => {
    const { path } = adminRequest(createExchange({ path: "//services/a%2Fb%20c//routes/" }));
    expect(path).toEqual(["services", "a/b c", "routes"]);
  });

  it("that cannot be decoded is not found", async () => {
    const { ask } = createAdmin();
    const { body, status } = await ask("GET /services/%zz");
    expect(status).toBe(404);
    expect(body.message).toContain("%zz");
  });

  it("that is nobody's is not found; a known one with another method says which there are", async () => {
    const { ask } = createAdmin();
    for (const line of [
      "GET /nothing",
      "GET /services/a/nothing",
      "GET /services/a/routes/b/c",
      "GET /constructor/a/b",
    ])
      expect(await ask(line), line).toMatchObject({ status: 404, body: { message: "Not found" } });
    expect(await ask("DELETE /status")).toMatchObject({ status: 405, headers: { allow: "GET" } });
  });
});

describe("a HEAD", () => {
  it("is answered as a GET", async () => {
    const { ask } = createAdmin();
    expect((await ask("HEAD /services")).status).toBe(200);
    expect((await ask("HEAD /services/nobody")).status).toBe(404);
  });
});

describe("an OPTIONS", () => {
  it("is told by what methods the path can be asked, and nothing for browsers of other sites", async () => {
    const { ask } = createAdmin();
    const paths = {
      "/services": "GET, POST, OPTIONS, HEAD",
      "/services/a": "GET, PUT, PATCH, DELETE, OPTIONS, HEAD",
      "/routes/r/service": "GET, PUT, PATCH, OPTIONS, HEAD",
      "/status": "GET, OPTIONS, HEAD",
      "/schemas/plugins/validate": "POST, OPTIONS",
    };
    await ask("PUT /services/a", { body: { host: "a" } });
    await ask("PUT /routes/r", { body: { paths: ["/"], service: "a" } });
    for (const [path, allow] of Object.entries(paths)) {
      const { headers, status } = await ask(`OPTIONS ${path}`);
      expect([path, status, headers["allow"]]).toEqual([path, 204, allow]);
      expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
    expect((await ask("OPTIONS /nothing")).status).toBe(404);
  });
});
