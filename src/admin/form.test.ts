import { describe, expect, it } from "vitest";
import { z } from "zod";
import { refusalFrom } from "../../test/support/refusals.ts";
import { fieldSchema } from "../config/field-schema.ts";
import { parseForm, typed } from "./form.ts";

const urlencoded = "application/x-www-form-urlencoded";
const parse = (text: string) => parseForm(Buffer.from(text), urlencoded);

describe("a form", () => {
  it("has blocks by dots", async () => {
    expect(await parse("name=a&service.id=7&config.queue.size=1&config.on=true")).toEqual({
      name: "a",
      service: { id: "7" },
      config: { queue: { size: "1" }, on: "true" },
    });
  });

  it("that would hold up the gateway is refused", async () => {
    const form = (count: number) => Array.from({ length: count }, (_, at) => `a${at}=b`).join("&");
    expect(Object.keys(await parse(form(1000)))).toHaveLength(1000);
    const refusal = await refusalFrom(parse(form(1001)));
    expect(refusal.message).toBe("the form has more than 1000 fields: send JSON");
  });

  it.each([
    ["by brackets", "paths[]=/a&paths[]=/b"],
    ["by position", "paths[1]=/a&paths[2]=/b"],
    ["by position, in another order", "paths[2]=/b&paths[1]=/a"],
    ["by name, twice", "paths=/a&paths=/b"],
    ["by name, then brackets", "paths=/a&paths[]=/b"],
    ["encoded", "paths%5B%5D=%2Fa&paths%5B%5D=%2Fb"],
  ])("has lists: %s", async (_how, text) => {
    const schema = fieldSchema(z.strictObject({ paths: z.array(z.string()) }));
    expect(typed(schema, await parse(text))).toEqual({ paths: ["/a", "/b"] });
  });

  it("has lists of blocks", async () => {
    const schema = fieldSchema(
      z.strictObject({ targets: z.array(z.strictObject({ weight: z.int(), model: z.string() })) }),
    );
    const text = "targets[1].weight=1&targets[2].weight=2&targets[1].model=a&targets[2].model=b";
    expect(typed(schema, await parse(text))).toEqual({
      targets: [
        { weight: 1, model: "a" },
        { weight: 2, model: "b" },
      ],
    });
  });

  it("of several parts is read, files too", async () => {
    const boundary = "----b";
    const part = (head: string, text: string) =>
      `--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${text}\r\n`;
    const text = `${part('name="config.a"', "1")}${part('name="file"; filename="x.yaml"', "a: 1\n")}--${boundary}--\r\n`;
    expect(await parseForm(Buffer.from(text), `multipart/form-data; boundary=${boundary}`)).toEqual({
      config: { a: "1" },
      file: "a: 1\n",
    });
  });

  it("that is none is refused", async () => {
    for (const type of ["multipart/form-data", "multipart/form-data; boundary=x"]) {
      const refusal = await refusalFrom(parseForm(Buffer.from("a=1"), type));
      expect([refusal.kind, refusal.message]).toEqual(["schema_violation", `the body is no ${type}`]);
    }
  });

  it("sets no prototype", async () => {
    const fields = await parse("__proto__.polluted=1&a.__proto__.polluted=2");
    expect(Object.keys(fields)).toEqual(["__proto__", "a"]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

describe("texts of a form", () => {
  const schema = fieldSchema(
    z.strictObject({
      count: z.int(),
      share: z.number(),
      on: z.boolean(),
      name: z.string(),
      list: z.array(z.int()),
      code: z.union([z.literal(301), z.literal(302)]),
      either: z.union([z.int(), z.string()]),
      map: z.record(z.string(), z.int()),
      free: z.unknown(),
    }),
  );
  const of = (name: string, text: unknown) =>
    (typed(schema, { [name]: text }) as Record<string, unknown>)[name];

  it.each([
    ["count", "7", 7],
    ["share", "0.5", 0.5],
    ["on", "true", true],
    ["on", "false", false],
    ["name", "7", "7"],
    ["list", "7", [7]],
    ["list", ["7", "8"], [7, 8]],
    ["code", "301", 301],
    ["either", "7", "7"],
    ["map", { a: "7" }, { a: 7 }],
    ["free", "7", "7"],
    ["unknown", "7", "7"],
  ])("%s=%j is what its field says", (name, text, expected) => {
    expect(of(name, text)).toEqual(expected);
  });

  it("that cannot be it are left for the check to name", () => {
    for (const name of ["count", "share", "on"]) expect(of(name, "seven")).toBe("seven");
    expect(of("count", " ")).toBe(" ");
  });

  it("that are empty stand for no value, which is an empty list in a list's place", () => {
    for (const name of ["count", "on", "name", "unknown"]) expect(of(name, "")).toBeNull();
    expect(of("list", "")).toEqual([]);
  });
});
