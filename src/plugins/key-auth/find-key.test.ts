import { describe, expect, it } from "vitest";
import { createExchange, type ExchangeFacts } from "../../../test/support/exchange.ts";
import type { BodyFields } from "./body-fields.ts";
import { bearerToken, findKey, type KeyPlaces } from "./find-key.ts";

const everywhere: KeyPlaces = { names: ["apikey", "X-Key"], inHeader: true, inQuery: true, inBearer: true };

function body(fields: Readonly<Record<string, unknown>>): BodyFields {
  return {
    values: (name) => (name in fields ? [fields[name]].flat() : []),
    without: () => Buffer.alloc(0),
  };
}

function find(
  facts: ExchangeFacts,
  places: Partial<KeyPlaces> = {},
  fields?: Readonly<Record<string, unknown>>,
) {
  const { request } = createExchange(facts);
  const found = findKey(request, fields && body(fields), { ...everywhere, ...places });
  return found.kind === "key" ? found.key : found.kind;
}

describe("the key of a request", () => {
  const all: ExchangeFacts = {
    headers: { "x-key": "second-header", authorization: "Bearer token" },
    query: "apikey=first-query&X-Key=second-query",
  };

  it("is that of the first name that has one, in header before query before body, and last the token", () => {
    const fields = { apikey: "first-body", "X-Key": "second-body" };
    expect(find({ ...all, headers: { ...all.headers, apikey: "first-header" } }, {}, fields)).toBe(
      "first-header",
    );
    expect(find(all, {}, fields)).toBe("first-query");
    expect(find(all, { inQuery: false }, fields)).toBe("first-body");
    expect(find(all, { inQuery: false })).toBe("second-header");
    expect(find(all, { inHeader: false, names: ["X-Key"] }, fields)).toBe("second-query");
    expect(find(all, { inHeader: false, inQuery: false })).toBe("token");
    expect(find(all, { inHeader: false, inQuery: false, inBearer: false })).toBe("none");
  });

  it("is read from headers in any letter case, from parameters and fields in the one given", () => {
    expect(find({ headers: { "x-key": "a" } })).toBe("a");
    expect(find({ query: "x-key=a" })).toBe("none");
    expect(find({ query: "X%2DKey=a%20b" })).toBe("a b");
    expect(find({}, {}, { "x-key": "a" })).toBe("none");
  });

  it("is a text that is not empty; anything else is passed over", () => {
    expect(find({ headers: { apikey: "" }, query: "apikey&X-Key=a" })).toBe("a");
    expect(find({}, {}, { apikey: 7, "X-Key": "a" })).toBe("a");
    expect(find({}, {}, { apikey: { a: 1 }, "X-Key": null })).toBe("none");
  });

  it("is none where a name has several values", () => {
    expect(find({ query: "apikey=a&b=c&apikey=a" })).toBe("duplicate");
    expect(find({}, {}, { apikey: ["a", "b"] })).toBe("duplicate");
    const rawHeaders = ["ApiKey", "a", "Host", "h", "apikey", "b"];
    expect(find({ headers: { apikey: "a, b" }, rawHeaders })).toBe("duplicate");
  });

  it("may have a comma in it", () => {
    expect(find({ headers: { apikey: "a, b" }, rawHeaders: ["apikey", "a, b"] })).toBe("a, b");
  });

  it("is UTF-8 in a header too", () => {
    const sent = Buffer.from("schlüssel").toString("latin1");
    expect(find({ headers: { apikey: sent } })).toBe("schlüssel");
    expect(find({ headers: { authorization: `Bearer ${sent}` } })).toBe("schlüssel");
  });

  it.each([
    ["Bearer abc", "abc"],
    ["bearer  abc ", "abc"],
    ["Bearer", undefined],
    ["Bearer a b", undefined],
    ["Basic abc", undefined],
    ["abc", undefined],
  ])("in Authorization: %s is %s", (authorization, token) => {
    expect(bearerToken(createExchange({ headers: { authorization } }).request)).toBe(token);
  });
});
