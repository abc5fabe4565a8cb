import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ChatRequest } from "../../llm/chat.ts";
import { deepFreeze, upstreamModel } from "../provider.contract.ts";
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

const encode = (request: object) =>
  encodeRequest(deepFreeze(request) as ChatRequest, upstreamModel("claude-sonnet-4-5"));
const call = (id: string) => ({ id, type: "function", function: { name: "look", arguments: "{}" } });
const calling = (...ids: readonly string[]) => ({
  role: "assistant",
  content: null,
  tool_calls: ids.map((id) => call(id)),
});
const result = (id: string, content: unknown) => ({ role: "tool", tool_call_id: id, content });

describe("any conversation", () => {
  const word = fc.string({ maxLength: 12 });
  const content = fc.oneof(
    word,
    fc.array(
      word.map((text) => ({ type: "text", text })),
      { maxLength: 3 },
    ),
  );
  const exchange = fc.oneof(
    content.map((text) => [{ role: "user", content: text }]),
    content.map((text) => [{ role: "assistant", content: text }]),
    fc.constantFrom("system", "developer").chain((role) => content.map((text) => [{ role, content: text }])),
    fc.record({
      text: fc.option(content),
      answers: fc.array(content, { minLength: 1, maxLength: 3 }),
      interleaved: fc.boolean(),
    }),
  );
  const conversation = fc.array(exchange, { minLength: 1, maxLength: 8 }).map((exchanges) => {
    let count = 0;
    return exchanges.flatMap((part): readonly object[] => {
      if (Array.isArray(part)) return part as readonly object[];
      const ids = part.answers.map(() => `call.${count++}`);
      const results = part.answers.map((answer, index) => result(ids[index] ?? "", answer));
      const between = part.interleaved ? [{ role: "system", content: "note" }] : [];
      return [{ ...calling(...ids), content: part.text }, ...between, ...results.reverse()];
    });
  });

  it("that is valid alternates, begins with the user, and has every result after its call", () => {
    fc.assert(
      fc.property(conversation, (messages) => {
        let encoded: ReturnType<typeof encode>;
        try {
          encoded = encode({ messages });
        } catch (error) {
          expect(error).toMatchObject({
            code: "untranslatable",
            message: expect.stringContaining("no message has any content"),
          });
          return;
        }
        const sent = encoded.body["messages"] as unknown as readonly Turn[];
        sent.forEach(({ role, content: blocks }, index) => {
          expect(role).toBe(index % 2 === 0 ? "user" : "assistant");
          expect(blocks.length).toBeGreaterThan(0);
          const list = typeof blocks === "string" ? [] : blocks;
          const results = list.filter(({ type }) => type === "tool_result").map((block) => block.tool_use_id);
          const before = sent[index - 1]?.content ?? [];
          const calls =
            typeof before === "string"
              ? []
              : before.filter(({ type }) => type === "tool_use").map(({ id }) => id);
          expect(results.toSorted()).toEqual(calls.toSorted());
          const lastResult = list.findLastIndex(({ type }) => type === "tool_result");
          expect(lastResult).toBe(results.length - 1);
        });
      }),
    );
  });

  it("that is junk is translated or refused as untranslatable, and nothing else is thrown", () => {
    const role = fc.constantFrom("system", "developer", "user", "assistant", "tool", "other");
    const json = fc.jsonValue({ maxDepth: 3 });
    const message = fc.record(
      { role, content: json, tool_calls: json, tool_call_id: json, name: json, refusal: json },
      { requiredKeys: ["role"] },
    );
    const request = fc.record(
      {
        messages: fc.array(message, { minLength: 1, maxLength: 5 }),
        ...Object.fromEntries(
          [
            "tools",
            "tool_choice",
            "response_format",
            "stop",
            "temperature",
            "metadata",
            "n",
            "extra_body",
            "thinking",
            "max_tokens",
            "reasoning_effort",
          ].map((name) => [name, json]),
        ),
      },
      { requiredKeys: ["messages"] },
    );
    fc.assert(
      fc.property(request, (junk) => {
        try {
          encode(junk);
        } catch (error) {
          expect(error).toMatchObject({ name: "GatewayError", code: "untranslatable" });
        }
      }),
    );
  });
});
