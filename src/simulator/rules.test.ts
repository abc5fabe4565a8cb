import { describe, expect, it } from "vitest";
import { createRules, parseRule } from "./rules.ts";

const chat = { model: "gpt-4o", path: "/v1/chat/completions" };

describe("behaviour rules", () => {
  it("are used in the order they were laid down, each as often as it says", () => {
    const rules = createRules();
    rules.add({ behaviour: { status: 500 }, times: 2 });
    rules.add({ behaviour: { status: 429 }, times: 1 });
    const taken = Array.from({ length: 4 }, () => rules.take(chat)?.status);
    expect(taken).toEqual([500, 500, 429, undefined]);
    expect(rules.list()).toEqual([]);
  });

  it("hold for matching requests only", () => {
    const rules = createRules();
    rules.add({ match: { model: "gpt-4o*", path: "/v1/chat/completions" }, behaviour: { hang: true } });
    expect(rules.take({ ...chat, model: "gpt-4o-mini" })).toEqual({ hang: true });
    expect(rules.take({ ...chat, model: "gpt-3.5-turbo" })).toBeUndefined();
    expect(rules.take({ ...chat, model: undefined })).toBeUndefined();
    expect(rules.take({ ...chat, path: "/v1/chat/completions/more" })).toBeUndefined();
  });

  it("can be withdrawn and cleared, and show the uses left", () => {
    const rules = createRules();
    const withdraw = rules.add({ behaviour: { status: 500 } });
    rules.add({ behaviour: { status: 502 }, times: 3 });
    withdraw();
    rules.take(chat);
    expect(rules.list()).toEqual([{ behaviour: { status: 502 }, times: 2 }]);
    rules.clear();
    expect(rules.take(chat)).toBeUndefined();
  });
});

describe("parseRule", () => {
  it.each([
    ["nothing", undefined, /a rule is an object/],
    ["no behaviour", { times: 1 }, /a behaviour is an object/],
    [
      "an unknown key",
      { behaviour: {}, time: 1 },
      /unknown key "time" in rule: there are match, behaviour, times/,
    ],
    ["an unknown match", { behaviour: {}, match: { host: "x" } }, /unknown key "host" in match/],
    ["a match that is no text", { behaviour: {}, match: { model: 1 } }, /"match.model" takes a text, not 1/],
    ["zero times", { behaviour: {}, times: 0 }, /"times" takes a whole number of at least 1, not 0/],
  ])("refuses %s", (_, value, message) => {
    expect(() => parseRule(value)).toThrow(message);
  });
});
