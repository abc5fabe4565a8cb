import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bodyFormat } from "./body-fields.ts";

function read(type: string, text: string) {
  const bytes = Buffer.from(text);
  const fields = bodyFormat(type)?.(bytes);
  if (fields === undefined) throw new Error(`${type} is not looked into`);
  return {
    bytes,
    values: (name: string) => fields.values(name),
    without: (...names: string[]) => fields.without(new Set(names)),
  };
}

describe("a JSON body", () => {
  it("gives its fields, and loses them without a trace", () => {
    const body = read(
      "application/json; charset=utf-8",
      '{"apikey":"k","n":[1,{"apikey":"inner"}],"__proto__":"p"}',
    );
    expect(body.values("apikey")).toEqual(["k"]);
    expect(body.values("n")).toHaveLength(2);
    expect(body.values("toString")).toEqual([]);
    expect(body.values("__proto__")).toEqual(["p"]);
    expect(body.without("apikey", "other").toString()).toBe('{"n":[1,{"apikey":"inner"}],"__proto__":"p"}');
  });

  it("keeps its very bytes where it has none of them", () => {
    const body = read("application/json", '{ "big": 12345678901234567890, "a": 1, "a": 2 }');
    expect(body.without("apikey")).toBe(body.bytes);
  });

  it.each(["", "[", "[1]", '"apikey"', "null"])("that is %j has no fields and stays as it is", (text) => {
    const body = read("application/json", text);
    expect(body.values("apikey")).toEqual([]);
    expect(body.without("apikey")).toBe(body.bytes);
  });
});

describe("a form", () => {
  const type = "application/x-www-form-urlencoded";
  it("gives its fields, all values of them", () => {
    const body = read(type, "apikey=a+b&x=%C3%BC&apikey=c");
    expect(body.values("apikey")).toEqual(["a b", "c"]);
    expect(body.values("x")).toEqual(["ü"]);
  });

  it("loses what is taken out and keeps the rest byte by byte", () => {
    const body = read(type, "x=%c3%BC&api%6Bey=a&flag&&y=a+b&apikey=b");
    expect(body.without("apikey").toString()).toBe("x=%c3%BC&flag&&y=a+b");
    expect(body.without("other")).toBe(body.bytes);
  });
});

describe("a multipart body", () => {
  const part = (name: string, value: string, more = "") =>
    `--b-1\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
  const multipart = (...parts: string[]) =>
    read('multipart/form-data; boundary="b-1"', `${parts.join("")}--b-1--\r\n`);

  it("gives its fields, but no files", () => {
    const body = multipart(part("apikey", "k\r\nl"), part("apikey", "file", '; filename="f"'), part("x", ""));
    expect(body.values("apikey")).toEqual(["k\r\nl"]);
    expect(body.values("x")).toEqual([""]);
    expect(body.values("y")).toEqual([]);
  });

  it("loses whole parts and keeps the others byte by byte, binary ones too", async () => {
    const binary = "\u0000\u00ff\r\n--b-2\r\n";
    const body = multipart(part("a", binary, '; filename="f"'), part("apikey", "k"), part("z", "1"));
    const left = body.without("apikey");
    expect(left.toString()).toBe(`${part("a", binary, '; filename="f"')}${part("z", "1")}--b-1--\r\n`);
    expect(multipart(part("apikey", "k")).without("apikey").toString()).toBe("--b-1--\r\n");
    expect(body.without("other")).toBe(body.bytes);
    const form = await new Response(left, {
      headers: { "content-type": "multipart/form-data; boundary=b-1" },
    }).formData();
    expect([...form.keys()]).toEqual(["a", "z"]);
  });

  it("reads what others write", async () => {
    const form = new FormData();
    form.set("apikey", "k ü");
    form.set("file", new Blob(["content"]), "name");
    const response = new Response(form);
    const bytes = Buffer.from(await response.arrayBuffer());
    const fields = bodyFormat(response.headers.get("content-type") ?? "")?.(bytes);
    expect(fields?.values("apikey")).toEqual(["k ü"]);
    expect(fields?.values("file")).toEqual([]);
  });
});

describe("any body", () => {
  it.each([
    undefined,
    "",
    "text/plain",
    "application/jsonp",
    "multipart/form-data",
    "multipart/mixed; boundary=b",
  ])("of type %s is not looked into", (type) => expect(bodyFormat(type)).toBeUndefined());

  it("is read without a complaint", () => {
    const types = [
      "application/json",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=b",
    ];
    const pieces = fc.array(
      fc.oneof(fc.string(), fc.constantFrom("--b", "\r\n", "--", "&", "=", "%", '{"a":', "}")),
    );
    fc.assert(
      fc.property(fc.constantFrom(...types), pieces, (type, parts) => {
        const body = read(type, parts.join(""));
        body.values("a");
        expect(body.without("a").length).toBeLessThanOrEqual(body.bytes.length);
      }),
    );
  });
});
