/** Plain HTTP as curl and old clients speak it. */
import { once } from "node:events";
import { connect } from "node:net";
import { gunzipSync } from "node:zlib";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Stack, startStack } from "../support/gateway.ts";
import { chatConfig, chatUrl, openaiTarget, semanticBlocks } from "../support/gateway-config.ts";

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({
    config: (url) =>
      chatConfig(
        [
          openaiTarget(chatUrl(url), { model: "gpt-4o", description: "Specialist in python" }),
          openaiTarget(chatUrl(url), { model: "gpt-4o-mini", description: "CATCHALL", alias: "small" }),
        ],
        semanticBlocks({}),
      ),
  });
});
afterAll(() => stack.close());

describe("plain HTTP", () => {
  const body = JSON.stringify({ messages: [{ role: "user", content: "How do I write a Python function?" }] });

  it("as curl speaks it gets the answer and the headers of the README", async () => {
    const socket = connect(stack.gateway.port, "127.0.0.1");
    const parts: Buffer[] = [];
    socket.on("data", (part: Buffer) => parts.push(part));
    socket.write(
      `POST /chat HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    );
    await once(socket, "close");
    const [head = "", text = ""] = Buffer.concat(parts).toString().split("\r\n\r\n");
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(head).toMatch(/\r\nx-kong-llm-model: openai\/gpt-4o\r\n/i);
    expect(head).toMatch(/\r\nx-sluice-routing: reason=matched; distance=0\.\d+; threshold=0\.7\r\n/i);
    expect(head).toMatch(/\r\nx-kong-upstream-latency: \d+\r\n/i);
    expect(head).toMatch(/\r\nx-kong-proxy-latency: \d+/i);
    expect(head).toMatch(/\r\nvia: 1\.1 sluice\/0\.1/i);
    expect(JSON.parse(text)).toMatchObject({ object: "chat.completion", model: "gpt-4o" });
  });

  it("with two requests in one packet gets two answers in order", async () => {
    const ask = (model: string) => {
      const text = JSON.stringify({ ...(JSON.parse(body) as object), model });
      return `POST /chat HTTP/1.1\r\nHost: a\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
    };
    const socket = connect(stack.gateway.port, "127.0.0.1");
    let text = "";
    socket.on("data", (part: Buffer) => {
      text += part.toString();
    });
    socket.write(ask("gpt-4o") + ask("small"));
    await expect.poll(() => text.match(/x-kong-llm-model: \S+/gi)).toHaveLength(2);
    expect(text.match(/x-kong-llm-model: \S+/gi)?.map((line) => line.split("/")[1])).toEqual([
      "gpt-4o",
      "gpt-4o-mini",
    ]);
    socket.destroy();
  });

  it("without a content type is taken for JSON", async () => {
    const answer = await request(`${stack.url}/chat`, { method: "POST", body });
    expect(answer.statusCode).toBe(200);
    await answer.body.dump();
  });

  it.each([
    ["gzip", true],
    ["gzip, deflate, br", true],
    ["gzip;q=0", false],
    ["identity", false],
    ["br", false],
  ])("that accepts %s gets gzip: %s", async (accepted, isGzip) => {
    const answer = await request(`${stack.url}/chat`, {
      method: "POST",
      headers: { "content-type": "application/json", "accept-encoding": accepted },
      body,
    });
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    expect(answer.headers["content-encoding"]).toBe(isGzip ? "gzip" : undefined);
    expect(Number(answer.headers["content-length"])).toBe(bytes.length);
    const text = (isGzip ? gunzipSync(bytes) : bytes).toString();
    expect(JSON.parse(text)).toMatchObject({ object: "chat.completion" });
  });

  it("keeps its connection over errors", async () => {
    const socket = connect(stack.gateway.port, "127.0.0.1");
    let text = "";
    socket.on("data", (part: Buffer) => {
      text += part.toString();
    });
    for (const bad of ["{}", "[", body]) {
      socket.write(`POST /chat HTTP/1.1\r\nHost: a\r\nContent-Length: ${bad.length}\r\n\r\n${bad}`);
    }
    await expect
      .poll(() => text.match(/HTTP\/1\.1 \d+/g))
      .toEqual(["HTTP/1.1 400", "HTTP/1.1 400", "HTTP/1.1 200"]);
    socket.destroy();
  });
});
