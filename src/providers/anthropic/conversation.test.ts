import { describe, expect, it } from "vitest";
import type { ChatRequest } from "../../llm/chat.ts";
import { deepFreeze, refusalOf, upstreamModel } from "../provider.contract.ts";
import { encodeRequest } from "./request.ts";

interface Block {
  readonly type: string;
  readonly id?: string;
  readonly tool_use_id?: string;
}

interface Turn {
  readonly role: string;
  readonly content: string | readonly Block[];
}

const user = { role: "user", content: "hi" };
const encode = (request: object, model = "claude-sonnet-4-5") =>
  encodeRequest(deepFreeze({ messages: [user], ...request }) as ChatRequest, upstreamModel(model));
const refusal = (request: object) => refusalOf(() => encode(request));
const body = (request: object) => encode(request).body;
const turns = (...messages: readonly object[]) => body({ messages })["messages"];
const call = (id: string, args: unknown = "{}", name = "look") => ({
  id,
  type: "function",
  function: { name, arguments: args },
});
const calling = (...ids: readonly string[]) => ({
  role: "assistant",
  content: null,
  tool_calls: ids.map((id) => call(id)),
});
const result = (id: string, content: unknown = "ok") => ({ role: "tool", tool_call_id: id, content });

describe("system messages", () => {
  it("are all kept, in order, wherever they stand (Kong before 3.14.0.5 kept the last)", () => {
    const messages = [
      { role: "system", content: "one" },
      user,
      {
        role: "developer",
        content: [
          { type: "text", text: "two" },
          { type: "text", text: "three" },
        ],
      },
      { role: "assistant", content: "yes" },
      { role: "system", content: "four" },
      user,
    ];
    expect(body({ messages })).toMatchObject({
      system: "one\n\ntwo\n\nthree\n\nfour",
      messages: { length: 3 },
    });
  });

  it("become blocks where one of them marks a place for the prompt cache", () => {
    const mark = { type: "ephemeral", ttl: "1h" };
    const messages = [
      { role: "system", content: [{ type: "text", text: "long", cache_control: mark }] },
      { role: "system", content: "short" },
      user,
    ];
    expect(body({ messages })["system"]).toEqual([
      { type: "text", text: "long", cache_control: mark },
      { type: "text", text: "short" },
    ]);
  });

  it("take a mark on the whole message, too", () => {
    const messages = [{ role: "system", content: "long", cache_control: { type: "ephemeral" } }, user];
    expect(body({ messages })["system"]).toEqual([
      { type: "text", text: "long", cache_control: { type: "ephemeral" } },
    ]);
  });

  it("alone are sent as the user's, with a warning, because the API needs a turn", () => {
    const { body, warnings } = encode({ messages: [{ role: "system", content: "Write a poem." }] });
    expect(body).toMatchObject({ messages: [{ role: "user", content: "Write a poem." }] });
    expect(body).not.toHaveProperty("system");
    expect(warnings).toEqual([expect.stringContaining("sent as the user's")]);
  });

  it("cannot hold an image", () => {
    const image = { type: "image_url", image_url: { url: "https://x.example/a.png" } };
    expect(refusal({ messages: [{ role: "system", content: [image] }, user] })).toMatch(
      /messages\[0\] holds an image/,
    );
  });

  it("are not mixed with the vendor's own system field, and that is said", () => {
    const { body, warnings } = encode({ messages: [{ role: "system", content: "a" }, user], system: "b" });
    expect(body["system"]).toBe("a");
    expect(warnings).toEqual([expect.stringContaining("system is not sent")]);
    expect(encode({ system: "b" })).toMatchObject({ body: { system: "b" } });
  });
});

describe("turns", () => {
  it("of one role in a row become one", () => {
    const merged = turns(
      { role: "user", content: "a" },
      { role: "user", content: "b" },
      { role: "assistant", content: "c" },
      { role: "assistant", content: "d" },
    );
    expect(merged).toEqual([
      {
        role: "user",
        content: [
          { type: "text", text: "a" },
          { type: "text", text: "b" },
        ],
      },
      {
        role: "assistant",
        content: [
          { type: "text", text: "c" },
          { type: "text", text: "d" },
        ],
      },
    ]);
  });

  it("begin with the user's: one is put first where the assistant begins, with a warning", () => {
    const { body, warnings } = encode({
      messages: [{ role: "assistant", content: "Hello, how can I help?" }, user],
    });
    expect(body["messages"]).toEqual([
      { role: "user", content: "(The assistant begins.)" },
      { role: "assistant", content: "Hello, how can I help?" },
      { role: "user", content: "hi" },
    ]);
    expect(warnings).toEqual([expect.stringContaining("began with the assistant")]);
  });

  it.each(["", " \n", null, undefined, [], [{ type: "text", text: "" }]])(
    "without content (%j) are left out, as the API refuses them",
    (content) => {
      expect(turns(user, { role: "assistant", content }, { role: "user", content: "still there?" })).toEqual([
        {
          role: "user",
          content: [
            { type: "text", text: "hi" },
            { type: "text", text: "still there?" },
          ],
        },
      ]);
      expect(refusal({ messages: [{ role: "user", content }] })).toBe(
        "untranslatable 400: error transforming to anthropic://llm/v1/chat: no message has any content",
      );
    },
  );

  it("keep what the assistant refused with, and bring its signed thoughts back in front", () => {
    const thought = { type: "thinking", thinking: "hm", signature: "s" };
    expect(turns(user, { role: "assistant", content: null, refusal: "I won't." }, user)).toContainEqual({
      role: "assistant",
      content: "I won't.",
    });
    expect(
      turns(
        user,
        { role: "assistant", content: "a", thinking_blocks: [thought], reasoning_content: "hm" },
        user,
      ),
    ).toContainEqual({
      role: "assistant",
      content: [thought, { type: "text", text: "a" }],
    });
  });

  it.each(["function", "critic", "constructor", 7, undefined])(
    "of the role %j are refused by name and place",
    (role) => {
      expect(refusal({ messages: [user, { role, content: "x" }] })).toMatch(
        /^untranslatable 400: .*messages\[1\] has the role "/,
      );
    },
  );

  it("are refused where they are no objects or have odd content", () => {
    expect(refusal({ messages: [user, null] })).toMatch(/messages\[1\] is not an object/);
    expect(refusal({ messages: [{ role: "user", content: 5 }] })).toMatch(
      /messages\[0\]\.content is neither text nor/,
    );
    expect(refusal({ messages: [user, { role: "assistant", function_call: { name: "x" } }] })).toMatch(
      /function_call is the old form/,
    );
  });
});

describe("tool calls and results", () => {
  it("go out as blocks, several results in one user turn before any text (Kong before 3.12 lost calls)", () => {
    expect(
      turns(
        user,
        calling("a", "b"),
        result("b"),
        { role: "user", content: "and?" },
        result("a", [
          { type: "text", text: "1" },
          { type: "text", text: "2" },
        ]),
      ),
    ).toEqual([
      { role: "user", content: "hi" },
      {
        role: "assistant",
        content: [
          { type: "tool_use", id: "a", name: "look", input: {} },
          { type: "tool_use", id: "b", name: "look", input: {} },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "b", content: "ok" },
          {
            type: "tool_result",
            tool_use_id: "a",
            content: [
              { type: "text", text: "1" },
              { type: "text", text: "2" },
            ],
          },
          { type: "text", text: "and?" },
        ],
      },
    ]);
  });

  it("may have an empty result", () => {
    expect(turns(user, calling("a"), result("a", ""))).toContainEqual({
      role: "user",
      content: [{ type: "tool_result", tool_use_id: "a" }],
    });
  });

  it("may have ids that the API would refuse, and no two become one", () => {
    const messages = [user, calling("f.a:0", "f_a_0"), result("f.a:0"), result("f_a_0")];
    const sent = turns(...messages) as unknown as readonly Turn[];
    const ids = sent.flatMap(({ content }) =>
      typeof content === "string" ? [] : content.map((block) => block.id ?? block.tool_use_id ?? ""),
    );
    expect(ids[0]).toBe(ids[2]);
    expect(ids[1]).toBe(ids[3]);
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(id).toMatch(/^[a-zA-Z0-9_-]+$/);
  });

  it.each([
    ["", {}],
    ["{}", {}],
    [undefined, {}],
    ['{"a":[]}', { a: [] }],
    [{ a: 1 }, { a: 1 }],
  ])("read arguments %j as %j", (args, input) => {
    expect(turns(user, { role: "assistant", tool_calls: [call("a", args)] }, result("a"))).toContainEqual({
      role: "assistant",
      content: [{ type: "tool_use", id: "a", name: "look", input }],
    });
  });

  it.each(["{", "[]", "null", '"text"', "7"])(
    "refuse arguments %s, say of which call, and do not repeat them",
    (args) => {
      const message = refusal({
        messages: [user, { role: "assistant", tool_calls: [call("a"), call("b", args, "book")] }],
      });
      expect(message).toContain(
        'the arguments of messages[1].tool_calls[1] ("book", id "b") are not a JSON object',
      );
    },
  );

  it.each([
    [[user, result("a")], 'messages[1] answers the tool call "a"'],
    [[user, calling("a"), result("b")], 'messages[2] answers the tool call "b"'],
    [[user, calling("a"), result("a"), result("a")], 'messages[3] answers the tool call "a"'],
    [
      [user, calling("a"), result("a"), { role: "assistant", content: "so" }, result("a")],
      'messages[4] answers the tool call "a"',
    ],
    [
      [user, calling("a"), user, { role: "assistant", content: "so" }, result("a")],
      'messages[4] answers the tool call "a"',
    ],
    [[user, calling("a"), { role: "tool", content: "x" }], "messages[2] has no tool_call_id"],
    [
      [user, { role: "assistant", tool_calls: [{ function: { name: "x" } }] }],
      'messages[1].tool_calls[0] ("x") has no id',
    ],
    [
      [user, { role: "assistant", tool_calls: [{ id: "a", type: "custom", custom: {} }] }],
      "messages[1].tool_calls[0] names no function",
    ],
  ])("refuse results and calls that do not fit together: case %#", (messages, reason) => {
    expect(refusal({ messages })).toContain(reason);
  });
});
