import { describe, expect, it } from "vitest";
import { GatewayError } from "../errors.ts";
import { parseQuestion } from "./question.ts";

const parse = (value: unknown) => parseQuestion(JSON.stringify(value));

function refusalOf(text: string): GatewayError {
  try {
    parseQuestion(text);
  } catch (error) {
    if (error instanceof GatewayError) return error;
  }
  throw new Error("the question was taken");
}

describe("a question", () => {
  it("with a prompt asks about a chat request of that one message", () => {
    expect(parse({ prompt: "Hi" })).toEqual({
      body: { messages: [{ role: "user", content: "Hi" }] },
      headers: {},
      plugin: undefined,
    });
  });

  it("with a body asks about that very request, with headers by lower-case name", () => {
    const body = { messages: [{ role: "user", content: "Hi" }], model: "a", temperature: 1 };
    expect(parse({ body, headers: { "X-User": "ann" }, plugin: "chat" })).toEqual({
      body,
      headers: { "x-user": "ann" },
      plugin: "chat",
    });
  });

  it("with a model asks for that model, whatever the request's own is", () => {
    expect(parse({ body: { messages: [], model: "a" }, model: "b" }).body).toEqual({
      messages: [],
      model: "b",
    });
    expect(parse({ prompt: "Hi", model: "b" }).body["model"]).toBe("b");
  });

  it.each([
    ["", /the body is not JSON: send \{"prompt":"…"\}, or \{"body":\{…\}\}/],
    ["{", /the body is not JSON/],
    ["[]", /the body is not an object/],
    ["null", /the body is not an object/],
    ["{}", /there is neither a `prompt` nor a `body`: send/],
    ['{"prompt":"a","body":{}}', /`prompt` and `body` exclude each other: send one/],
    ['{"prompt":1}', /`prompt` is not a text: put it in quotes/],
    ['{"prompt":null}', /`prompt` is not a text/],
    ['{"body":"a"}', /`body` is not an object: send \{…\}/],
    ['{"prompt":"a","headers":["x"]}', /`headers` is not an object/],
    ['{"prompt":"a","headers":{"x-n":1}}', /`headers\.x-n` is not a text/],
    ['{"prompt":"a","model":7}', /`model` is not a text/],
    ['{"prompt":"a","plugin":{}}', /`plugin` is not a text/],
    ['{"promt":"a"}', /unknown field `promt`: did you mean `prompt`\?/],
    ['{"prompt":"a","target":"b"}', /unknown field `target` \(known: prompt, body, headers, model, plugin\)/],
  ])("%s is refused with what is wrong and what to do", (text, message) => {
    const error = refusalOf(text);
    expect(error.status).toBe(400);
    expect(error.message).toMatch(message);
  });

  it("that is refused is not repeated: no prompt is in the error", () => {
    expect(refusalOf('{"prompt":["my secret"]}').message).not.toContain("secret");
  });
});
