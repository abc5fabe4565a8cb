import fc from "fast-check";
import OpenAI from "openai";
import { describe, expect, it } from "vitest";
import { GatewayError } from "../errors.ts";
import type { ServerSentEvent } from "./sse.ts";
import { createSseParser } from "./sse-parser.ts";
import { sseData, sseDone, sseError } from "./sse-writer.ts";

function parse(text: string): ServerSentEvent[] {
  const events: ServerSentEvent[] = [];
  const parser = createSseParser((event) => events.push(event));
  parser.push(Buffer.from(text));
  expect(parser.end()).toBeUndefined();
  return events;
}

/** What the OpenAI SDK makes of a streamed answer: the contents it yields, then what it throws. */
async function readWithSdk(body: string): Promise<{ contents: string[]; error: unknown }> {
  const client = new OpenAI({
    apiKey: "none",
    maxRetries: 0,
    fetch: async () => new Response(body, { headers: { "content-type": "text/event-stream" } }),
  });
  const contents: string[] = [];
  try {
    const stream = await client.chat.completions.create({ model: "m", messages: [], stream: true });
    for await (const chunk of stream) contents.push(chunk.choices[0]?.delta.content ?? "");
    return { contents, error: undefined };
  } catch (error) {
    return { contents, error };
  }
}

const chunk = sseData(JSON.stringify({ choices: [{ delta: { content: "Hel" } }] }));

describe("the writer of server-sent events", () => {
  it("writes events that the parser reads back", () => {
    fc.assert(
      fc.property(fc.array(fc.json({ maxDepth: 1, stringUnit: "grapheme" }), { maxLength: 5 }), (texts) => {
        expect(parse(texts.map(sseData).join("")).map(({ data }) => data)).toEqual(texts);
      }),
    );
  });

  it("ends an answer so that the SDK stops without an error", async () => {
    expect(parse(sseDone)).toEqual([{ event: "message", data: "[DONE]" }]);
    expect(await readWithSdk(chunk + sseDone)).toEqual({ contents: ["Hel"], error: undefined });
  });

  it.each([
    ["an AI error", new GatewayError("stream_cut").toBody("id"), /closed the stream before/, "stream_cut"],
    [
      "an error of the gateway itself",
      new GatewayError("internal").toBody("id"),
      /unexpected error/,
      undefined,
    ],
    [
      "a vendor's pretty-printed error",
      JSON.stringify({ error: { message: "slow\ndown", code: "429" } }, null, 2),
      /slow\ndown/,
      "429",
    ],
    ["text that is no JSON", "upstream\n\nsays no", /upstream\n\nsays no/, undefined],
    ["a body with a null error", '{"error":null,"message":"gone"}', /./, undefined],
    ["a bare string", '"overloaded"', /overloaded/, undefined],
  ])("makes the SDK throw on %s, after what had come", async (_what, body, message, code) => {
    expect(parse(sseError(body))).toHaveLength(1);
    const { contents, error } = await readWithSdk(chunk + sseError(body));
    expect(contents).toEqual(["Hel"]);
    if (!(error instanceof OpenAI.APIError))
      throw new Error("the SDK has not thrown an APIError", { cause: error });
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
  });
});
