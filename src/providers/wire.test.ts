import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ChatRequest } from "../llm/chat.ts";
import {
  mergeExtraBody,
  parseJson,
  quote,
  readErrorMessage,
  readOutputLimit,
  readTokenCount,
} from "./wire.ts";

describe("readTokenCount", () => {
  it.each([
    [0, 0],
    [12, 12],
    [12.9, 12],
    ["12", 12],
    [" 7 ", 7],
  ])("reads %j as %j", (value, count) => expect(readTokenCount(value)).toBe(count));

  it.each([null, undefined, "", " ", "many", -1, "-1", Number.NaN, Infinity, "Infinity", true, [], [5], {}])(
    "reads no count from %j",
    (value) => expect(readTokenCount(value)).toBeUndefined(),
  );

  it("gives a whole number that is not negative, or nothing", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const count = readTokenCount(value);
        return count === undefined || (Number.isInteger(count) && count >= 0);
      }),
    );
  });
});

describe("readErrorMessage", () => {
  it.each([
    [{ type: "error", error: { type: "overloaded_error", message: "Overloaded" } }, "Overloaded"],
    [{ error: { type: "overloaded_error" } }, "overloaded_error"],
    [{ error: "no" }, "no"],
    [{ error: true, message: "broken" }, "broken"],
    [null, "the upstream reported an error and gave no reason"],
    [{ error: { message: { deep: 1 } } }, "the upstream reported an error and gave no reason"],
  ])("of %j is %s", (body, message) => expect(readErrorMessage(body)).toBe(message));
});

describe("mergeExtraBody", () => {
  it("fills gaps and replaces nothing", () => {
    const request: ChatRequest = {
      messages: [],
      temperature: 0,
      extra_body: { temperature: 1, messages: [1], top_a: 2 },
    };
    expect(mergeExtraBody(request)).toEqual({ messages: [], temperature: 0, top_a: 2 });
  });

  it.each([undefined, null, "text", [1]])("leaves a request with extra_body %j as it is", (extra) => {
    const request = { messages: [], extra_body: extra } as ChatRequest;
    expect(mergeExtraBody(request)).toBe(request);
  });
});

describe("readOutputLimit", () => {
  it("is the lower of the two names, and nothing where neither is a number", () => {
    expect(readOutputLimit({ messages: [], max_tokens: 5, max_completion_tokens: 7 })).toBe(5);
    expect(readOutputLimit({ messages: [], max_tokens: null, max_completion_tokens: 7 })).toBe(7);
    expect(readOutputLimit({ messages: [], max_tokens: null })).toBeUndefined();
  });
});

describe("parseJson and quote", () => {
  it("tell text that is not JSON from null", () => {
    expect(parseJson("{")).toBeUndefined();
    expect(parseJson("null")).toBeNull();
  });

  it("keep a client's word short and on one line", () => {
    expect(quote("a\nb")).toBe('"a\\nb"');
    expect(quote("x".repeat(500)).length).toBeLessThan(50);
    expect(quote({ prompt: "hidden" })).toBe('"object"');
  });
});
