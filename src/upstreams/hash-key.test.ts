import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createExchange, type ExchangeFacts } from "../../test/support/exchange.ts";
import type { RouteMatch } from "../router/router.ts";
import { createHashKey } from "./hash-key.ts";
import { upstreamOptions } from "./options.ts";

const parse = (options: object) => z.strictObject(upstreamOptions).parse(options);
const match = { uriCaptures: { team: "red" } } as unknown as RouteMatch; // all that is read of it

function keyOf(options: object, facts: ExchangeFacts = {}, more: object = {}) {
  const exchange = Object.assign(createExchange(facts), more);
  return createHashKey(parse(options), () => "new")(exchange, match);
}

describe("what is hashed", () => {
  it.each([
    [{ hash_on: "ip" }, {}, "203.0.113.7"],
    [{ hash_on: "path" }, {}, "/anything"],
    [{ hash_on: "header", hash_on_header: "X-Team" }, { headers: { "x-team": "a" } }, "a"],
    [{ hash_on: "query_arg", hash_on_query_arg: "u" }, { query: "u=2&x=0&u=1" }, "1,2"],
    [{ hash_on: "uri_capture", hash_on_uri_capture: "team" }, {}, "red"],
    [{ hash_on: "cookie", hash_on_cookie: "c" }, { headers: { cookie: "b=1; c=2" } }, "2"],
    [{ hash_on: "none" }, {}, ""],
  ])("by %j", (options, facts, key) => {
    expect(keyOf(options, facts)).toEqual({ key });
  });

  it("by consumer is the consumer, else the credential", () => {
    expect(keyOf({ hash_on: "consumer" }, {}, { consumer: { id: "ann" }, credential: { id: "k" } }).key).toBe(
      "ann",
    );
    expect(keyOf({ hash_on: "consumer" }, {}, { credential: { id: "k" } }).key).toBe("k");
  });

  it("falls back where a request does not have it, and to nothing where it has neither", () => {
    const options = { hash_on: "consumer", hash_fallback: "header", hash_fallback_header: "x-a" };
    expect(keyOf(options, { headers: { "x-a": "1" } }).key).toBe("1");
    expect(keyOf(options, { headers: { "x-a": "" } }).key).toBe("");
  });

  it("by cookie gives a client without one a new one, on its path", () => {
    const options = { hash_on: "cookie", hash_on_cookie: "c", hash_on_cookie_path: "/api" };
    expect(keyOf(options)).toEqual({ key: "new", setCookie: "c=new; Path=/api; HttpOnly" });
    expect(keyOf(options, { headers: { cookie: "xc=1; c=" } }).key).toBe("new");
  });
});
