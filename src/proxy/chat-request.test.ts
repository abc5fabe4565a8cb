import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GatewayError } from "../errors.ts";
import { asChatRequest, parseJsonBody } from "./chat-request.ts";

const read = (body: unknown, contentType: string | undefined = "application/json") =>
  asChatRequest(
    parseJsonBody(Buffer.from(typeof body === "string" ? body : JSON.stringify(body)), contentType),
  );

function refusal(run: () => unknown): { status: number; message: string; type: string } {
  try {
    run();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const { error: body } = JSON.parse(error.toBody("id-1"));
    return { status: error.status, message: body.message, type: body.type };
  }
  throw new Error("nothing was refused");
}

const user = { role: "user", content: "hello" };

/** Kong's error catalogue, rows E2 to E6. */
const badBody = "content-type header does not match request body, or bad JSON formatting";
const catalogue: readonly (readonly [string, unknown, string | undefined, string])[] = [
  ["E2: no body", "", "application/json", badBody],
  ["E2: not JSON", "hello", "application/json", badBody],
  ["E2: JSON cut short", '{"messages":[', "application/json", badBody],
  ["E2: a form", { messages: [user] }, "application/x-www-form-urlencoded", badBody],
  ["E2: plain text", { messages: [user] }, "text/plain", badBody],
  ["E2: an empty content type", { messages: [user] }, "", badBody],
  ["E2: a type that only begins like JSON", { messages: [user] }, "application/jsonp", badBody],
  [
    "E3: neither messages nor prompt",
    { input: "x" },
    undefined,
    "request body doesn't contain valid prompts",
  ],
  ["E3: no messages in the list", { messages: [] }, undefined, "request body doesn't contain valid prompts"],
  [
    "E3: messages that are no list",
    { messages: "hi" },
    undefined,
    "request body doesn't contain valid prompts",
  ],
  [
    "E3: a prompt that is no text",
    { prompt: ["hi"] },
    undefined,
    "request body doesn't contain valid prompts",
  ],
  ["E3: nothing at all", {}, undefined, "request body doesn't contain valid prompts"],
  [
    "E4: messages and prompt",
    { messages: [user], prompt: "hi" },
    undefined,
    "request matches multiple LLM request formats",
  ],
  [
    "E5: a completion",
    { prompt: "hi" },
    undefined,
    "[llm/v1/completions] message format is not compatible with [llm/v1/chat] route type",
  ],
  [
    "E5: a completion with an empty list",
    { prompt: "", messages: [] },
    undefined,
    "[llm/v1/completions] message format is not compatible with [llm/v1/chat] route type",
  ],
  ["E6: a list", [user], undefined, "request format not recognised"],
  ["E6: a text", '"hello"', undefined, "request format not recognised"],
  ["E6: null", "null", undefined, "request format not recognised"],
  ["E6: messages that are texts", { messages: ["hello"] }, undefined, "request format not recognised"],
  ["E6: a message that is null", { messages: [user, null] }, undefined, "request format not recognised"],
  [
    "E6: a message without a role",
    { messages: [{ content: "hi" }] },
    undefined,
    "request format not recognised",
  ],
  [
    "E6: a role that is no text",
    { messages: [{ role: 1, content: "hi" }] },
    undefined,
    "request format not recognised",
  ],
];

describe("a chat request that cannot be read", () => {
  it.each(catalogue)("is refused with Kong's words: %s", (_, body, contentType, message) => {
    expect(refusal(() => read(body, contentType))).toEqual({
      status: 400,
      message,
      type: "invalid_request_error",
    });
  });

  it("never throws anything but an error for the client", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.json(), fc.string()),
        fc.oneof(fc.constant(undefined), fc.string()),
        (text, type) => {
          try {
            read(text, type);
          } catch (error) {
            expect(error).toBeInstanceOf(GatewayError);
          }
        },
      ),
    );
  });

  it("is not quoted in the error", () => {
    const error = refusal(() =>
      read('{"messages":[{"role":"user","content":"my secret"', "application/json"),
    );
    expect(JSON.stringify(error)).not.toContain("my secret");
  });
});

describe("a chat request", () => {
  it("is taken as it came, unknown fields included", () => {
    const body = {
      messages: [user, { role: "tool", content: null, tool_call_id: "1" }],
      model: "x",
      seed: 7,
      extra: { a: [1] },
    };
    expect(read(body)).toEqual(body);
  });

  it.each([
    undefined,
    "application/json",
    "Application/JSON; charset=utf-8",
    "application/json;charset=utf-8",
    "application/vnd.api+json",
  ])("may call itself %s", (contentType) => {
    expect(
      asChatRequest(parseJsonBody(Buffer.from('{"messages":[{"role":"user"}]}'), contentType)).messages,
    ).toHaveLength(1);
  });
});
