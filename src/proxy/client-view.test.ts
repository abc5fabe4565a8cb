import { describe, expect, it } from "vitest";
import { createExchange } from "../../test/support/exchange.ts";
import type { RouteMatch } from "../router/router.ts";
import { clientView } from "./client-view.ts";

describe("clientView", () => {
  it("finds headers by lower-case name, repeated ones joined", () => {
    const view = clientView(createExchange({ headers: { "x-one": "1", "set-cookie": ["a", "b"] } }));
    expect(view.header("x-one")).toBe("1");
    expect(view.header("set-cookie")).toBe("a, b");
    expect(view.header("x-none")).toBeUndefined();
  });

  it("finds parameters of the query, decoded, the first of repeated ones", () => {
    const view = clientView(createExchange({ query: "a=1&a=2&b=x%20y+z&empty=&c" }));
    expect(view.query("a")).toBe("1");
    expect(view.query("b")).toBe("x y z");
    expect(view.query("empty")).toBe("");
    expect(view.query("c")).toBe("");
    expect(view.query("none")).toBeUndefined();
    expect(clientView(createExchange()).query("a")).toBeUndefined();
  });

  it("finds the route's captures, also when the route is matched later", () => {
    const exchange = createExchange();
    const view = clientView(exchange);
    expect(view.capture("model")).toBeUndefined();
    exchange.route = { uriCaptures: { model: "gpt%2F4" } } as unknown as RouteMatch; // the view reads nothing else
    expect(view.capture("model")).toBe("gpt%2F4");
  });
});
