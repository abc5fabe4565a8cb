import { describe, expect, it } from "vitest";
import type { ChatRequest } from "../../llm/chat.ts";
import { deepFreeze, refusalOf, upstreamModel } from "../provider.contract.ts";
import { encodeRequest } from "./request.ts";

const user = { role: "user", content: "hi" };
const encode = (request: object, model = "claude-sonnet-4-5") =>
  encodeRequest(deepFreeze({ messages: [user], ...request }) as ChatRequest, upstreamModel(model));
const refusal = (request: object) => refusalOf(() => encode(request));
const body = (request: object) => encode(request).body;

describe("tools", () => {
  const tool = (more: object = {}) => ({ type: "function", function: { name: "look", ...more } });
  const sent = (tools: readonly object[], more: object = {}) => body({ tools, ...more });

  it("without parameters take none, and a schema without a type is an object's", () => {
    expect(
      sent([tool(), tool({ parameters: null }), tool({ parameters: { properties: {} } })])["tools"],
    ).toEqual([
      { name: "look", input_schema: { type: "object", properties: {} } },
      { name: "look", input_schema: { type: "object", properties: {} } },
      { name: "look", input_schema: { type: "object", properties: {} } },
    ]);
  });

  it("keep empty lists as lists in a schema (Kong before 3.12 made objects of them)", () => {
    const parameters = { type: "object", properties: {}, required: [] };
    expect(JSON.stringify(sent([tool({ parameters })])["tools"])).toContain('"required":[]');
  });

  it("are strict where the model can be held to it, else with a warning", () => {
    const strict = tool({
      strict: true,
      parameters: { type: "object", properties: { a: { type: "string" } } },
    });
    expect(sent([strict])["tools"]).toEqual([
      {
        name: "look",
        strict: true,
        input_schema: { type: "object", properties: { a: { type: "string" } }, additionalProperties: false },
      },
    ]);
    const { body, warnings } = encode({ tools: [strict] }, "claude-3-5-haiku-latest");
    expect(body["tools"]).toEqual([
      { name: "look", input_schema: { type: "object", properties: { a: { type: "string" } } } },
    ]);
    expect(warnings).toEqual([expect.stringContaining("strict is not sent")]);
  });

  it("of the vendor's own and marks for the cache pass", () => {
    const search = { type: "web_search_20250305", name: "web_search", max_uses: 2 };
    expect(sent([search, { ...tool(), cache_control: { type: "ephemeral" } }])["tools"]).toEqual([
      search,
      {
        name: "look",
        input_schema: { type: "object", properties: {} },
        cache_control: { type: "ephemeral" },
      },
    ]);
  });

  it.each([
    ["auto", undefined, { type: "auto" }],
    ["none", undefined, { type: "none" }],
    ["none", false, { type: "none" }],
    ["required", undefined, { type: "any" }],
    ["required", false, { type: "any", disable_parallel_tool_use: true }],
    [{ type: "function", function: { name: "look" } }, true, { type: "tool", name: "look" }],
    [undefined, false, { type: "auto", disable_parallel_tool_use: true }],
    [undefined, true, undefined],
    [null, null, undefined],
  ])("chosen %j with parallel calls %j are chosen %j", (tool_choice, parallel_tool_calls, choice) => {
    expect(sent([tool()], { tool_choice, parallel_tool_calls })["tool_choice"]).toEqual(choice);
  });

  it("are not chosen from where there are none", () => {
    expect(body({ tool_choice: "auto", parallel_tool_calls: false, tools: [] })).not.toHaveProperty(
      "tool_choice",
    );
    expect(body({ tools: [] })).not.toHaveProperty("tools");
  });

  it.each([
    [{ tools: [{ type: "custom", custom: { name: "x" } }] }, 'tools[0] is of type "custom"; send a function'],
    [{ tools: [{ type: "function", function: {} }] }, "tools[0].function has no name"],
    [{ tools: ["x"] }, "tools[0] is not an object"],
    [{ tools: [tool()], tool_choice: { type: "allowed_tools" } }, 'tool_choice is "allowed_tools"'],
    [{ tools: [tool()], tool_choice: "constructor" }, 'tool_choice is "constructor"'],
    [{ functions: [{ name: "x" }] }, "functions is the old form; send tools"],
  ])("that cannot be translated are refused: case %#", (request, reason) => {
    expect(refusal(request)).toContain(reason);
  });
});
