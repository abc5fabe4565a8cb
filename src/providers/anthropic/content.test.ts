import { describe, expect, it } from "vitest";
import type { ChatRequest } from "../../llm/chat.ts";
import { deepFreeze, refusalOf, upstreamModel } from "../provider.contract.ts";
import { encodeRequest } from "./request.ts";

const user = { role: "user", content: "hi" };
const encode = (request: object, model = "claude-sonnet-4-5") =>
  encodeRequest(deepFreeze({ messages: [user], ...request }) as ChatRequest, upstreamModel(model));
const refusal = (request: object) => refusalOf(() => encode(request));
const body = (request: object) => encode(request).body;
const turns = (...messages: readonly object[]) => body({ messages })["messages"];
describe("images and other parts", () => {
  const part = (url: unknown, more: object = {}) => ({
    messages: [{ role: "user", content: [{ type: "image_url", image_url: { url, ...more } }] }],
  });

  it("take data and web addresses", () => {
    expect(body(part("data:image/webp;charset=x;base64,UklGRg=="))["messages"]).toEqual([
      {
        role: "user",
        content: [{ type: "image", source: { type: "base64", media_type: "image/webp", data: "UklGRg==" } }],
      },
    ]);
    expect(
      body({
        messages: [{ role: "user", content: [{ type: "image_url", image_url: "HTTPS://x.example/a.png" }] }],
      })["messages"],
    ).toEqual([
      { role: "user", content: [{ type: "image", source: { type: "url", url: "HTTPS://x.example/a.png" } }] },
    ]);
  });

  it.each([
    "data:image/svg+xml;base64,PHN2Zz4=",
    "data:image/png,raw",
    "data:application/pdf;base64,JVBE",
    "ftp://secret@host/a",
    "/etc/passwd",
    "",
    undefined,
  ])("refuse %j without repeating it", (url) => {
    const message = refusal(part(url));
    expect(message).toMatch(
      /messages\[0\]\.content\[0\]\.image_url is neither an http\(s\) URL nor base64 data/,
    );
    if (url) expect(message).not.toContain(url);
  });

  it("say that a level of detail is not sent", () => {
    expect(encode(part("https://x.example/a.png", { detail: "low" })).warnings).toEqual([
      expect.stringContaining("image_url.detail"),
    ]);
    expect(encode(part("https://x.example/a.png", { detail: "auto" })).warnings).toBeUndefined();
  });

  it.each(["input_audio", "file", "video_url", "tool_result"])("of type %s are refused by name", (type) => {
    expect(
      refusal({ messages: [{ role: "user", content: [{ type: "text", text: "a" }, { type }] }] }),
    ).toContain(`messages[0].content[1] is of type "${type}"; send text or image_url`);
  });

  it("keep marks for the prompt cache", () => {
    const cache_control = { type: "ephemeral" };
    expect(turns({ role: "user", content: [{ type: "text", text: "a", cache_control }] })).toEqual([
      { role: "user", content: [{ type: "text", text: "a", cache_control }] },
    ]);
  });
});
