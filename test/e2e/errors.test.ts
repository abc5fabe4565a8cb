/** Every way in which a request can be wrong: exact status, words and content type, over real sockets. */
import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectError, jsonType } from "../support/error-answer.ts";
import { type Stack, startStack } from "../support/gateway.ts";
import {
  anthropicTarget,
  chatConfig,
  chatUrl,
  openaiTarget,
  remoteEmbeddings,
  routesConfig,
  semanticBlocks,
} from "../support/gateway-config.ts";

const hello = { messages: [{ role: "user", content: "Hello there" }] };

describe("a request that is wrong", () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({
      config: (url) =>
        routesConfig({
          chat: {
            max_request_body_size: 2000,
            targets: [
              openaiTarget(chatUrl(url), { model: "gpt-4o", alias: "smart" }),
              openaiTarget(chatUrl(url), { model: "gpt-4o-mini" }),
            ],
          },
          still: { response_streaming: "deny", targets: [openaiTarget(chatUrl(url))] },
          nameless: { targets: [openaiTarget(chatUrl(url), { model: "" })] },
          header: { targets: [openaiTarget(chatUrl(url), { model: "$(headers.x-model)" })] },
          query: { targets: [openaiTarget(chatUrl(url), { model: "$(query_params.model)" })] },
          capture: { targets: [openaiTarget(chatUrl(url), { model: "$(uri_captures.model)" })] },
          place: { targets: [openaiTarget(`${url}/$(headers.x-place)/v1/chat/completions`)] },
          claude: { targets: [anthropicTarget(`${url}/v1/messages`, { model: "claude-haiku-4-5" })] },
          empty: { targets: [openaiTarget(chatUrl(url))] },
        }),
    });
  });
  afterAll(() => stack.close());

  it("gets 404 where no route fits", async () => {
    const answer = await stack.send({ path: "/nowhere", body: hello });
    expect(answer.status).toBe(404);
    expect(answer.headers["content-type"]).toBe(jsonType);
    expect(answer.json()).toEqual({
      message: "no Route matched with those values",
      request_id: answer.headers["x-kong-request-id"],
    });
    expect((await answer.record()).route).toBeUndefined();
  });

  it.each([
    ["no body", ""],
    ["broken JSON", '{"messages": ['],
    ["text", "hello"],
  ])("gets 400 for %s", async (_name, body) => {
    const answer = await stack.send({ body });
    expectError(answer, {
      status: 400,
      code: "bad_body",
      type: "invalid_request_error",
      message: "content-type header does not match request body, or bad JSON formatting",
    });
  });

  it("gets 400 for a form", async () => {
    const answer = await stack.send({
      body: "messages=1",
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    expectError(answer, {
      status: 400,
      code: "bad_body",
      type: "invalid_request_error",
      message: /^content-type header does not match/,
    });
  });

  it.each([
    ["no_prompt", {}, "request body doesn't contain valid prompts"],
    ["no_prompt", { messages: [] }, "request body doesn't contain valid prompts"],
    ["no_prompt", { prompt: 7 }, "request body doesn't contain valid prompts"],
    ["two_formats", { ...hello, prompt: "Hello" }, "request matches multiple LLM request formats"],
    [
      "wrong_format",
      { prompt: "Hello" },
      "[llm/v1/completions] message format is not compatible with [llm/v1/chat] route type",
    ],
    ["unknown_format", [hello], "request format not recognised"],
    ["unknown_format", "hello", "request format not recognised"],
    ["unknown_format", { messages: ["hello"] }, "request format not recognised"],
    ["unknown_format", { messages: [{ content: "hello" }] }, "request format not recognised"],
    ["own_model", { ...hello, model: "gpt-5" }, "cannot use own model - must be: smart, gpt-4o, gpt-4o-mini"],
    ["own_model", { ...hello, model: 5 }, "cannot use own model - must be: smart, gpt-4o, gpt-4o-mini"],
  ])("gets 400 %s for %j", async (code, body, message) => {
    const answer = await stack.send({ body: JSON.stringify(body) });
    expectError(answer, { status: 400, code: code, type: "invalid_request_error", message: message });
  });

  it("gets 400 for a stream where streams are denied", async () => {
    const answer = await stack.send({ path: "/still", body: { ...hello, stream: true } });
    expectError(answer, {
      status: 400,
      code: "streaming_denied",
      type: "invalid_request_error",
      message: "response streaming is not enabled for this LLM",
    });
  });

  it("gets 400 where neither the request nor the target names a model", async () => {
    const answer = await stack.send({ path: "/nameless", body: hello });
    const message = "model parameter not found in request, nor in gateway configuration";
    expectError(answer, { status: 400, code: "no_model", type: "invalid_request_error", message: message });
  });

  it.each([
    ["header", "headers key x-model was not provided"],
    ["query", "query_params key model was not provided"],
    ["capture", "uri_captures key model was not provided"],
    ["place", "headers key x-place was not provided"],
  ])("gets 400 where a template of /%s lacks its value", async (path, message) => {
    const answer = await stack.send({ path: `/${path}`, body: hello });
    expectError(answer, {
      status: 400,
      code: "template_missing",
      type: "invalid_request_error",
      message: message,
    });
  });

  it("cannot climb in the upstream's path with a template's value", async () => {
    const encoded = await stack.send({ path: "/place", body: hello, headers: { "x-place": "../admin?x=" } });
    expect(encoded.status).toBe(200);
    expect(stack.simulator.received().at(-1)).toMatchObject({
      path: "/%2E%2E%2Fadmin%3Fx%3D/v1/chat/completions",
      query: "",
    });
    const answer = await stack.send({ path: "/place", body: hello, headers: { "x-place": ".." } });
    expectError(answer, {
      status: 400,
      code: "template_unsafe",
      type: "invalid_request_error",
      message: "headers key x-place has a value that may not be part of a URL",
    });
  });

  it("gets 400 for what the target's dialect cannot say", async () => {
    const messages = [{ role: "tool", tool_call_id: "call_1", content: [{ type: "image_url" }] }];
    const answer = await stack.send({ path: "/claude", body: { messages } });
    expectError(answer, {
      status: 400,
      code: "untranslatable",
      type: "invalid_request_error",
      message: /^error transforming to anthropic:\/\/llm\/v1\/chat: ./,
    });
  });

  describe("because it is too large", () => {
    const message = "request body too large: the limit of this route is 2000 bytes (max_request_body_size)";
    const large = JSON.stringify({ messages: [{ role: "user", content: "x".repeat(2000) }] });

    it("gets 413 when its length says so", async () => {
      const answer = await stack.send({ body: large });
      expectError(answer, {
        status: 413,
        code: "body_too_large",
        type: "invalid_request_error",
        message: message,
      });
    });

    it("gets 413 at the declared length, before a byte of the body is sent", async () => {
      const socket = connect(stack.gateway.port, "127.0.0.1");
      socket.write(
        "POST /chat HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 5000000\r\n\r\n",
      );
      const [first] = (await once(socket, "data")) as [Buffer];
      expect(first.toString()).toMatch(/^HTTP\/1\.1 413 /);
      socket.destroy();
    });

    it("gets 413 when it is chunked, with the connection in order until it has been read", async () => {
      const socket = connect(stack.gateway.port, "127.0.0.1");
      let text = "";
      socket.on("data", (bytes: Buffer) => {
        text += bytes.toString();
      });
      socket.write(
        "POST /chat HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
      );
      const chunk = `400\r\n${"x".repeat(1024)}\r\n`;
      for (let i = 0; i < 200; i++) socket.write(chunk);
      socket.write("0\r\n\r\n");
      await once(socket, "close");
      expect(text).toMatch(/^HTTP\/1\.1 413 /);
      expect(text).toMatch(/\r\nconnection: close\r\n/i);
      expect(text).toContain(message);
    });

    it("is let through at exactly the limit", async () => {
      const frame = JSON.stringify({ messages: [{ role: "user", content: "" }] });
      const body = JSON.stringify({ messages: [{ role: "user", content: "x".repeat(2000 - frame.length) }] });
      expect(Buffer.byteLength(body)).toBe(2000);
      expect((await stack.send({ body })).status).toBe(200);
    });
  });

  it("is not answered when the client breaks off in the body, and leaves no alarm in the log", async () => {
    const before = stack.records.length;
    const socket = connect(stack.gateway.port, "127.0.0.1");
    socket.write(
      'POST /chat HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"mess',
    );
    await once(socket, "connect");
    socket.end();
    socket.resume();
    await once(socket, "close");
    await expect.poll(() => stack.records.length).toBe(before + 1);
    expect(stack.records.at(-1)).toMatchObject({ client_aborted: true });
    expect(stack.log.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("is refused by node itself where it is not HTTP", async () => {
    const socket = connect(stack.gateway.port, "127.0.0.1");
    socket.write("HELO gateway\r\n\r\n");
    const [first] = (await once(socket, "data")) as [Buffer];
    expect(first.toString()).toMatch(/^HTTP\/1\.1 400 /);
    socket.destroy();
  });
});

describe("a route without service and plugin", () => {
  it("answers 503 that names the route", async () => {
    const stack = await startStack({
      config: { _format_version: "3.0", routes: [{ name: "lonely", paths: ["/lonely"] }] },
    });
    const answer = await stack.send({ path: "/lonely", body: hello });
    expect(answer.status).toBe(503);
    expect(answer.headers["content-type"]).toBe(jsonType);
    expect(answer.json()).toEqual({
      message: "route lonely has no service to proxy to and no plugin that answers",
      request_id: answer.headers["x-kong-request-id"],
    });
    await stack.close();
  });
});

describe("semantic routing that finds nothing", () => {
  const described = (url: string, description: string) => openaiTarget(chatUrl(url), { description });

  it("without CATCHALL is a 503 that says how near the nearest was", async () => {
    const stack = await startStack({
      config: (url) =>
        chatConfig([described(url, "Specialist in python"), described(url, "IT support")], {
          ...semanticBlocks({ threshold: 0.05 }),
        }),
    });
    const answer = await stack.ask("Write a short poem about the beauty of autumn.");
    expectError(answer, {
      status: 503,
      code: "no_target",
      type: "server_error",
      message:
        /^no target matched the prompt within threshold 0\.05 \(the nearest was at \d\.\d{3}, "(Specialist in python|IT support)"\) and no CATCHALL target is configured$/,
    });
    expect((await answer.record()).ai?.proxy.routing?.reason).toBe("no_match");
    expect(stack.simulator.received()).toHaveLength(0);
    await stack.close();
  });

  it("because the embedder is down is a 503 where on_error says fail", async () => {
    const stack = await startStack({
      config: (url) =>
        chatConfig([described(url, "Specialist in python"), described(url, "CATCHALL")], {
          on_error: "fail",
          ...semanticBlocks({ embeddings: remoteEmbeddings(`${url}/v1/embeddings`), dimensions: 64 }),
        }),
    });
    stack.simulator.behave({ match: { path: "/v1/embeddings" }, behaviour: { status: 400 } });
    const answer = await stack.ask("How do I write a Python function?");
    expectError(answer, {
      status: 503,
      code: "routing_unavailable",
      type: "server_error",
      message:
        /^the prompt could not be embedded for semantic routing \(.+ answered 400.*\) and on_error is set to fail$/,
    });
    expect(answer.text).not.toContain("Python");
    await stack.close();
  });
});
