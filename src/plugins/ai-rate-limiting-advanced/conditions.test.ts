import { describe, expect, it } from "vitest";
import { createExchange } from "../../../test/support/exchange.ts";
import type { Exchange } from "../../http/exchange.ts";
import { compileCondition, identify } from "./conditions.ts";
import { aiRateLimitingAdvancedConfig, type ConditionConfig } from "./config.ts";

const consumer = {
  id: "c-1",
  username: "alice",
  customId: "a-1",
  groups: [
    { id: "g-1", name: "gold" },
    { id: "g-2", name: "silver" },
  ],
};

function exchangeOf(facts: Partial<Exchange> = {}, request: object = {}): Exchange {
  const exchange = createExchange({ headers: { "x-team": "red" } });
  return { ...exchange, request: { ...exchange.request, ...request }, ...facts };
}

function find(config: Partial<ConditionConfig> & Pick<ConditionConfig, "type">, exchange = exchangeOf()) {
  const condition = compileCondition({ partition_by: false, ...config });
  return condition.find({ exchange, model: "gpt-4o" }, "openai");
}

describe("a condition", () => {
  const known = exchangeOf({ consumer });

  it.each([
    ["any name of the consumer", { type: "consumer", values: ["a-1"] }, "a-1"],
    ["the id of the consumer", { type: "consumer", key: "id", values: ["alice", "c-1"] }, "c-1"],
    ["another consumer", { type: "consumer", values: ["bob"] }, undefined],
    ["any consumer", { type: "consumer" }, "alice"],
    ["a group by name", { type: "consumer_group", key: "name", values: ["silver"] }, "silver"],
    ["a group by id", { type: "consumer_group", values: ["g-2"] }, "g-2"],
    ["a header", { type: "header", key: "X-Team", values: ["red"] }, "red"],
    ["a missing header", { type: "header", key: "x-other" }, undefined],
    ["an address", { type: "ip", values: ["203.0.113.7"] }, "203.0.113.7"],
    ["a range", { type: "ip", values: ["10.0.0.0/8", "203.0.113.0/24"] }, "203.0.113.7"],
    ["another range", { type: "ip", values: ["2001:db8::/32"] }, undefined],
    ["a model", { type: "model", values: ["gpt-4o"] }, "gpt-4o"],
    ["a path", { type: "path", values: ["/anything"] }, "/anything"],
    ["a path above", { type: "path", values: ["/any"] }, undefined],
    ["a provider", { type: "provider", values: ["openai"] }, "openai"],
    ["another provider", { type: "provider", values: ["azure"] }, undefined],
  ] as const)("looks at %s", (_, config, value) => {
    const { values, ...rest } = { values: undefined, ...config };
    expect(find({ ...rest, ...(values && { values: [...values] }) }, known)).toBe(value);
  });

  it("takes what is below a path for the path, and an address for the ranges it is in", () => {
    const below = exchangeOf({}, { path: "/v1/chat", clientIp: "10.1.2.3" });
    expect(find({ type: "path", values: ["/v1"] }, below)).toBe("/v1/chat");
    expect(find({ type: "ip", values: ["10.0.0.0/8"] }, below)).toBe("10.1.2.3");
  });

  it("calls a request for no model one for auto, and knows nobody who has not said who they are", () => {
    const condition = compileCondition({ type: "model", partition_by: true });
    expect(condition.find({ exchange: known, model: null }, "openai")).toBe("auto");
    expect(find({ type: "consumer" })).toBeUndefined();
    expect(find({ type: "consumer_group" })).toBeUndefined();
  });
});

describe("an identifier", () => {
  it.each([
    ["consumer", {}, "c-1"],
    ["consumer-group", {}, "plugin-1"],
    ["credential", {}, "k-1"],
    ["header", { header_name: "X-Team" }, "red"],
    ["ip", {}, "203.0.113.7"],
    ["path", { path: "/anything" }, "/anything"],
    ["path", { path: "/other" }, "203.0.113.7"],
    ["service", {}, "llm"],
  ] as const)("%s tells callers apart", (identifier, more, value) => {
    const config = aiRateLimitingAdvancedConfig.parse({ identifier, ...more });
    const exchange = exchangeOf({ consumer, credential: { id: "k-1" }, service: { name: "llm" } });
    expect(identify(config, "plugin-1")(exchange)).toBe(value);
  });

  it("is the address of those who have none of it", () => {
    for (const identifier of ["consumer", "credential", "header", "service"]) {
      const config = aiRateLimitingAdvancedConfig.parse({ identifier });
      expect(identify(config, "plugin-1")(exchangeOf())).toBe("203.0.113.7");
    }
  });
});
