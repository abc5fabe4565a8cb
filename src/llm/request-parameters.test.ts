import { describe, expect, it } from "vitest";
import { idAtStart } from "./answer-id.ts";
import { requestParameters } from "./request-parameters.ts";

describe("requestParameters", () => {
  it("reads numbers, and nothing of the conversation", () => {
    const request = {
      messages: [{ role: "user", content: "Hello" }],
      max_tokens: 7,
      max_completion_tokens: 5,
      temperature: 0,
      top_p: null,
      n: 2,
      response_format: { type: "json_schema", json_schema: {} },
    };
    expect(JSON.parse(JSON.stringify(requestParameters(request)))).toEqual({
      maxTokens: 5,
      temperature: 0,
      choices: 2,
      outputType: "json",
    });
  });

  it.each([[undefined], ["json"], [{ type: "grammar" }], [null]])("knows no output type in %j", (format) => {
    expect(requestParameters({ messages: [], response_format: format ?? null }).outputType).toBeUndefined();
  });
});

describe("idAtStart", () => {
  it("reads the id that an answer begins with, and no other", () => {
    expect(idAtStart('{"id":"chatcmpl-1","object":"chat.completion.chunk"}')).toBe("chatcmpl-1");
    expect(idAtStart('{\n  "id": "chatcmpl-1",')).toBe("chatcmpl-1");
    expect(idAtStart('{"choices":[{"delta":{"tool_calls":[{"id":"call-1"}]}}]}')).toBeUndefined();
    expect(idAtStart("")).toBeUndefined();
  });
});
