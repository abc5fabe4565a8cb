/** Every way in which a vendor can fail before its answer: exact status, words and content type, over real sockets. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectError } from "../support/error-answer.ts";
import { freePort } from "../support/free-port.ts";
import { type Stack, startStack } from "../support/gateway.ts";
import {
  anthropicTarget,
  chatConfig,
  chatUrl,
  openaiTarget,
  routesConfig,
} from "../support/gateway-config.ts";
import { startRawUpstream } from "../support/http-upstream.ts";

const hello = { messages: [{ role: "user", content: "Hello there" }] };

describe("a vendor that refuses", () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({
      config: (url) =>
        routesConfig({
          chat: { balancer: { retries: 0 }, targets: [openaiTarget(chatUrl(url))] },
          claude: {
            balancer: { retries: 0 },
            targets: [anthropicTarget(`${url}/v1/messages`, { model: "claude-haiku-4-5" })],
          },
        }),
    });
  });
  beforeEach(() => stack.simulator.reset());
  afterAll(() => stack.close());

  it.each([400, 401, 403, 404, 408, 409, 422, 429, 500, 502, 503, 504, 529])(
    "with %i is quoted word for word, for streams too",
    async (status) => {
      stack.simulator.behave({ behaviour: { status } });
      const direct = await fetch(`${stack.simulator.url}/v1/chat/completions`, {
        method: "POST",
        body: JSON.stringify({ model: "gpt-4o", ...hello }),
      });
      const expected = await direct.text();
      for (const stream of [false, true]) {
        const answer = await stack.send({ body: { ...hello, stream } });
        expect(answer.status).toBe(status);
        expect(answer.text).toBe(expected);
        expect(answer.headers["content-type"]).toBe("application/json");
        expect(answer.headers["retry-after"] ?? null).toBe(direct.headers.get("retry-after"));
        expect(answer.headers["x-kong-llm-model"]).toBeUndefined();
        const record = await answer.record();
        expect(record.upstream_status).toBe(status);
        expect(record.source).toBe("upstream");
        expect(record.ai?.proxy.tried_targets).toMatchObject([{ status, failure: `http_${status}` }]);
        expect(record.ai?.proxy.usage).toBeUndefined();
      }
    },
  );

  it("in its own dialect is quoted untranslated", async () => {
    stack.simulator.behave({ behaviour: { status: 529 } });
    const answer = await stack.send({ path: "/claude", body: { ...hello, stream: true } });
    expect(answer.status).toBe(529);
    expect(answer.json()).toMatchObject({ type: "error", error: { type: "overloaded_error" } });
    expect(answer.headers["content-type"]).toBe("application/json");
  });

  it("for what the client asked is quoted, so that the client can mend it", async () => {
    const answer = await stack.send({ body: { ...hello, temperature: 7 } });
    expect(answer.status).toBe(400);
    expect(answer.json()).toMatchObject({ error: { param: "temperature" } });
  });
});

describe("a vendor that answers nonsense", () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({
      config: (url) =>
        routesConfig({
          chat: { targets: [openaiTarget(chatUrl(url))] },
          claude: { targets: [anthropicTarget(`${url}/v1/messages`, { model: "claude-haiku-4-5" })] },
          list: { targets: [openaiTarget(`${url}/v1/embeddings`)] },
        }),
    });
  });
  beforeEach(() => stack.simulator.reset());
  afterAll(() => stack.close());

  it.each([
    ["chat", "openai", { badJson: true }],
    ["chat", "openai", { emptyBody: true }],
    ["claude", "anthropic", { badJson: true }],
  ])("on /%s (%s, %j) is a 500 that says so", async (path, provider, behaviour) => {
    stack.simulator.behave({ behaviour });
    const answer = await stack.send({ path: `/${path}`, body: hello });
    expectError(answer, {
      status: 500,
      code: "upstream_unusable",
      type: "server_error",
      message: `transformation failed from type ${provider}://llm/v1/chat: the answer is not JSON`,
    });
    expect((await answer.record()).ai?.proxy.tried_targets).toMatchObject([{ failure: "unusable_answer" }]);
  });

  it("that is JSON, but no answer to a chat, is a 500 that says what is missing", async () => {
    const raw = await startRawUpstream(
      'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: 15\r\n\r\n{"hello":"all"}',
    );
    await stack.reload(chatConfig([openaiTarget(chatUrl(`http://127.0.0.1:${raw.port}`))]));
    const answer = await stack.send({ body: hello });
    const message =
      "transformation failed from type openai://llm/v1/chat: 'choices' not in llm/v1/chat response";
    expectError(answer, { status: 500, code: "upstream_unusable", type: "server_error", message: message });
    await raw.close();
  });
});

describe("a vendor that cannot be reached", () => {
  const unreachable = "An invalid response was received from the upstream server";
  let stack: Stack;
  let refused: number;

  beforeAll(async () => {
    refused = await freePort();
    stack = await startStack({
      config: (url) =>
        routesConfig({
          chat: { targets: [openaiTarget(chatUrl(url))] },
          slow: { balancer: { read_timeout: 80 }, targets: [openaiTarget(chatUrl(url))] },
          refused: { targets: [openaiTarget(chatUrl(`http://127.0.0.1:${refused}`))] },
          // A label of more than 63 letters is in no DNS, and the resolver knows without asking anybody.
          nameless: { targets: [openaiTarget(chatUrl(`http://${"n".repeat(64)}.test`))] },
        }),
    });
  });
  beforeEach(() => stack.simulator.reset());
  afterAll(() => stack.close());

  it("because nobody listens is a 502", async () => {
    const answer = await stack.send({ path: "/refused", body: hello });
    expectError(answer, {
      status: 502,
      code: "upstream_unreachable",
      type: "api_connection_error",
      message: unreachable,
    });
    const record = await answer.record();
    expect(record.tries).toMatchObject([{ ip: "127.0.0.1", port: refused, failure: "error" }]);
    expect(record.source).toBe("kong");
    expect(record.error).toBe(unreachable);
    expect(answer.text).not.toContain(`:${refused}`);
  });

  it("because its name is unknown is a 503", async () => {
    const answer = await stack.send({ path: "/nameless", body: hello });
    expectError(answer, {
      status: 503,
      code: "name_resolution",
      type: "api_connection_error",
      message: "name resolution failed",
    });
  });

  it.each([
    ["resets the connection", { resetBeforeHeaders: true }],
    ["breaks off in the head", { halfHeader: true }],
    ["breaks off in the body", { cutAfterBytes: 40 }],
    ["breaks off before the body", { cutAfterBytes: 0 }],
  ])("because it %s is a 502", async (_name, behaviour) => {
    stack.simulator.behave({ behaviour });
    const answer = await stack.send({ body: hello });
    expectError(answer, {
      status: 502,
      code: "upstream_unreachable",
      type: "api_connection_error",
      message: unreachable,
    });
  });

  it("because it does not speak HTTP is a 502", async () => {
    const raw = await startRawUpstream("220 mail.example ESMTP\r\n");
    await stack.reload(chatConfig([openaiTarget(chatUrl(`http://127.0.0.1:${raw.port}`))]));
    const answer = await stack.send({ body: hello });
    expectError(answer, {
      status: 502,
      code: "upstream_unreachable",
      type: "api_connection_error",
      message: unreachable,
    });
    expect((await answer.record()).tries).toMatchObject([{ failure: "invalid_header" }]);
    await raw.close();
  });
});

describe("a vendor that is slow", () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({
      config: (url) => chatConfig([openaiTarget(chatUrl(url))], { balancer: { read_timeout: 80 } }),
    });
  });
  beforeEach(() => stack.simulator.reset());
  afterAll(() => stack.close());

  it.each([
    ["never answers", { hang: true }],
    ["stops in the head", { halfHeader: true, hang: true }],
  ])("and %s is a 504 after read_timeout, and is left", async (_name, behaviour) => {
    stack.simulator.behave({ behaviour });
    const startedAt = performance.now();
    const answer = await stack.send({ body: hello });
    expectError(answer, {
      status: 504,
      code: "upstream_timeout",
      type: "timeout_error",
      message: "The upstream server is timing out",
    });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(75);
    expect((await answer.record()).tries).toMatchObject([{ failure: "timeout" }]);
    await expect.poll(() => stack.simulator.received().at(-1)?.aborted).toBe(true);
  });
});
