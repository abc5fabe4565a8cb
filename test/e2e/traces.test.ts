/** Traces over real sockets: what a collector gets of each kind of exchange, and what upstreams are told. */
import * as conventions from "@opentelemetry/semantic-conventions/incubating";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { until } from "../support/gateway.ts";
import {
  chatConfig,
  chatUrl,
  openaiTarget,
  proxyConfig,
  semanticBlocks,
  targetKey,
} from "../support/gateway-config.ts";
import { startUpstream, type Upstream } from "../support/http-upstream.ts";
import { spanNamed, startTraced, type Traced, tree } from "../support/traced.ts";

const hello = { messages: [{ role: "user", content: "Hello" }] };
const parentTrace = "0af7651916cd43dd8448eb211c80319c";
const parentSpan = "b7ad6b7169203331";
/** The example of https://www.w3.org/TR/trace-context/#examples-of-http-traceparent-headers */
const sampled = {
  traceparent: `00-${parentTrace}-${parentSpan}-01`,
  tracestate: "rojo=00f067aa0ba902b7,congo=t61",
};
const unsampled = { traceparent: `00-${parentTrace}-${parentSpan}-00` };

describe("the trace of a call of a model", () => {
  let traced: Traced;
  beforeAll(async () => {
    const refused = await freePort();
    traced = await startTraced((url) => {
      const semantic = semanticBlocks({});
      const routes = {
        chat: { targets: [openaiTarget(chatUrl(url), { options: { max_tokens: 500, temperature: 0.5 } })] },
        logged: {
          targets: [openaiTarget(chatUrl(url), { extra: { logging: { log_payloads: true } } })],
        },
        failover: {
          targets: [
            openaiTarget(`http://127.0.0.1:${refused}/v1/chat/completions`, { weight: 200 }),
            openaiTarget(chatUrl(url), { model: "gpt-4o-mini" }),
          ],
          balancer: { algorithm: "priority" },
        },
        semantic: {
          ...semantic,
          targets: [
            openaiTarget(chatUrl(url), { description: "Writing, explaining and fixing computer programs" }),
            openaiTarget(chatUrl(url), { model: "gpt-4o-mini", description: "Cooking recipes and food" }),
          ],
        },
      };
      return {
        _format_version: "3.0",
        routes: Object.keys(routes).map((name) => ({ name, paths: [`/${name}`] })),
        plugins: Object.entries(routes).map(([route, config]) => ({
          name: "ai-proxy-advanced",
          route,
          config: { balancer: { algorithm: "round-robin" }, ...config },
        })),
      };
    });
  });
  afterAll(() => traced.close());
  beforeEach(() => traced.stack.simulator.reset());

  async function ask(path: string, more: Record<string, unknown> = {}) {
    const answer = await traced.stack.send({
      path,
      body: { ...hello, ...more },
      headers: { "user-agent": "test/1" },
    });
    const id = String(answer.headers["x-kong-request-id"]);
    return { answer, id, spans: await traced.collector.traceOf(id) };
  }

  it("has the exchange, the model and the attempt, with the conventions' attributes", async () => {
    const { answer, id, spans } = await ask("/chat?apikey=hidden", { response_format: { type: "text" } });
    expect(answer.status).toBe(200);
    expect(tree(spans)).toEqual(["kong", "  kong.gen_ai", "  kong.balancer"]);
    const { usage, id: responseId } = answer.json() as {
      id: string;
      usage: { prompt_tokens: number; completion_tokens: number };
    };
    const root = spanNamed(spans, "kong");
    expect(root).toMatchObject({ kind: "server", parentId: "", error: undefined, scope: "sluice" });
    expect(root.attributes).toMatchObject({
      "http.request.method": "POST",
      "http.response.status_code": 200,
      "http.route": "/chat",
      "url.path": "/chat",
      "url.scheme": "http",
      "client.address": "127.0.0.1",
      "server.address": "127.0.0.1",
      "server.port": traced.stack.gateway.port,
      "user_agent.original": "test/1",
      "kong.request.id": id,
      "kong.route.name": "chat",
    });
    expect(root.resource).toMatchObject({ "service.name": "kong", "telemetry.sdk.language": "nodejs" });
    const model = spanNamed(spans, "kong.gen_ai");
    expect(model.kind).toBe("client");
    expect(model.attributes).toMatchObject({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "gpt-4o",
      "gen_ai.request.max_tokens": 500,
      "gen_ai.request.temperature": 0.5,
      "gen_ai.output.type": "text",
      "gen_ai.response.id": responseId,
      "gen_ai.response.model": "gpt-4o",
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.usage.input_tokens": usage.prompt_tokens,
      "gen_ai.usage.output_tokens": usage.completion_tokens,
      "sluice.routing.algorithm": "round-robin",
      "sluice.routing.target": "openai/gpt-4o",
    });
    expect(model.attributes).not.toHaveProperty("gen_ai.input.messages");
    const attempt = spanNamed(spans, "kong.balancer");
    expect(attempt.attributes).toMatchObject({
      "http.request.method": "POST",
      "http.response.status_code": 200,
      "server.address": "127.0.0.1",
      "server.port": traced.stack.simulator.port,
      "url.full": chatUrl(traced.stack.simulator.url),
      "sluice.attempt": 1,
      "sluice.target": "openai/gpt-4o",
    });
    for (const span of spans) {
      expect(span.startMs).toBeGreaterThanOrEqual(root.startMs);
      expect(span.endMs).toBeGreaterThanOrEqual(span.startMs);
      expect(span.endMs).toBeLessThanOrEqual(root.endMs + 0.01);
    }
  });

  it("shows no secret and no word of the prompt", async () => {
    const { spans } = await ask("/chat?apikey=hidden");
    const text = JSON.stringify(spans);
    for (const secret of [targetKey, "hidden", "Hello"]) expect(text).not.toContain(secret);
  });

  it("has the messages where payloads are logged", async () => {
    const { answer, spans } = await ask("/logged");
    const { attributes } = spanNamed(spans, "kong.gen_ai");
    expect(JSON.parse(String(attributes["gen_ai.input.messages"]))).toEqual([
      { role: "user", parts: [{ type: "text", content: "Hello" }] },
    ]);
    const [choice] = answer.json()["choices"] as { message: { content: string } }[];
    const said = [{ type: "text", content: choice?.message.content }];
    expect(JSON.parse(String(attributes["gen_ai.output.messages"]))).toEqual([
      { role: "assistant", parts: said, finish_reason: "stop" },
    ]);
    const streamed = await ask("/logged", { stream: true });
    const output = spanNamed(streamed.spans, "kong.gen_ai").attributes["gen_ai.output.messages"];
    expect(JSON.parse(String(output))).toEqual([{ role: "assistant", parts: said, finish_reason: "stop" }]);
  });

  it("has the tool that is called where payloads are logged", async () => {
    const tool = { type: "function", function: { name: "get_weather", parameters: { type: "object" } } };
    const { answer, spans } = await ask("/logged", { tools: [tool], tool_choice: "required" });
    const [choice] = answer.json()["choices"] as { message: { tool_calls: { id: string }[] } }[];
    expect(spanNamed(spans, "kong.gen_ai").attributes).toMatchObject({
      "gen_ai.tool.type": "function",
      "gen_ai.tool.name": "get_weather",
      "gen_ai.tool.call.id": choice?.message.tool_calls[0]?.id,
      "gen_ai.response.finish_reasons": ["tool_calls"],
    });
  });

  it("has the first token of a stream as an event", async () => {
    const { spans } = await ask("/chat", { stream: true });
    expect(tree(spans)).toEqual(["kong", "  kong.gen_ai", "  kong.balancer"]);
    const model = spanNamed(spans, "kong.gen_ai");
    expect(model.attributes).toMatchObject({
      "gen_ai.request.stream": true,
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.response.id": expect.stringMatching(/^chatcmpl-/),
    });
    const [first] = model.events;
    expect(first?.name).toBe("sluice.first_token");
    const seconds = Number(model.attributes["gen_ai.response.time_to_first_chunk"]);
    expect(first?.atMs).toBeCloseTo(model.startMs + seconds * 1000, 1);
    expect(first?.atMs).toBeLessThanOrEqual(model.endMs);
  });

  it("has an attempt for each target that was tried", async () => {
    const { answer, spans } = await ask("/failover");
    expect(answer.status).toBe(200);
    expect(tree(spans)).toEqual(["kong", "  kong.gen_ai", "  kong.balancer (refused)", "  kong.balancer"]);
    const attempts = spans.filter(({ name }) => name === "kong.balancer");
    expect(attempts.map(({ attributes }) => attributes["sluice.target"])).toEqual([
      "openai/gpt-4o",
      "openai/gpt-4o-mini",
    ]);
    expect(attempts[0]?.attributes).toMatchObject({ "sluice.failure_kind": "error" });
    expect(attempts[1]?.attributes).toMatchObject({ "http.request.resend_count": 1 });
    expect(spanNamed(spans, "kong.gen_ai").attributes["sluice.routing.attempts"]).toBe(2);
  });

  it("says why a semantic choice was made", async () => {
    const { spans } = await ask("/semantic", {
      messages: [{ role: "user", content: "How do I write a function in Python?" }],
    });
    expect(spanNamed(spans, "kong.gen_ai").attributes).toMatchObject({
      "sluice.routing.algorithm": "semantic",
      "sluice.routing.reason": "matched",
      "sluice.routing.group": "Writing, explaining and fixing computer programs",
      "sluice.routing.threshold": 0.7,
      "sluice.routing.distance": expect.any(Number),
      "sluice.routing.margin": expect.any(Number),
      "sluice.routing.target": "openai/gpt-4o",
    });
  });

  it("says what went wrong", async () => {
    traced.stack.simulator.behave({ behaviour: { status: 500 } });
    const refused = await ask("/chat");
    expect(tree(refused.spans)).toEqual([
      "kong (500)",
      "  kong.gen_ai (http_500)",
      "  kong.balancer (http_500)",
    ]);
    traced.stack.simulator.reset();
    traced.stack.simulator.behave({ behaviour: { cutAfterChunks: 2 } });
    const cut = await ask("/chat", { stream: true });
    expect(cut.answer.status).toBe(200);
    expect(tree(cut.spans)).toHaveLength(3);
    for (const { error } of cut.spans) expect(error).toBeDefined();
    const bad = await ask("/chat", { messages: "none" });
    expect(tree(bad.spans)).toEqual(["kong"]);
    expect(spanNamed(bad.spans, "kong").attributes["http.response.status_code"]).toBe(400);
  });

  it("does not take a client that leaves for a failure", async () => {
    traced.stack.simulator.behave({ behaviour: { stallAfterChunks: 2 } });
    const controller = new AbortController();
    const before = traced.stack.records.length;
    const leaving = traced.stack
      .send({ path: "/chat", body: { ...hello, stream: true }, signal: controller.signal })
      .catch(() => undefined);
    await until(() => traced.stack.simulator.received().length === 1, "the vendor is asked");
    controller.abort();
    await leaving;
    await until(() => traced.stack.records.length > before, "the exchange is over");
    const spans = await traced.collector.traceOf(traced.stack.records.at(-1)?.request.id ?? "");
    expect(spans.map(({ error }) => error)).toEqual(spans.map(() => undefined));
    expect(spanNamed(spans, "kong").attributes["sluice.client_aborted"]).toBe(true);
    expect(spanNamed(spans, "kong.gen_ai").attributes["error.type"]).toBe("client_aborted");
  });

  it("uses no name that the conventions do not have, but Kong's and ours", () => {
    const known = new Set<unknown>(Object.values(conventions));
    const used = new Set(
      traced.collector.spans.flatMap(({ attributes, resource }) => [
        ...Object.keys(attributes),
        ...Object.keys(resource),
      ]),
    );
    const ours = [...used].filter((name) => !known.has(name));
    expect(ours.filter((name) => !/^(?:sluice|kong)\./.test(name))).toEqual([]);
    expect(used.size).toBeGreaterThan(30);
  });
});

describe("the trace context", () => {
  let upstream: Upstream;
  const seen: Record<string, string | string[] | undefined>[] = [];
  let traced: Traced | undefined;
  beforeAll(async () => {
    upstream = await startUpstream((request, response) => {
      seen.push(request.headers);
      response.end("fine");
    });
  });
  afterAll(() => upstream.close());
  beforeEach(() => seen.splice(0));
  afterEach(async () => {
    await traced?.close();
    traced = undefined;
  });

  const plain = () => proxyConfig({ url: upstream.url });
  async function start(settings: Record<string, unknown> = {}): Promise<Traced> {
    traced = await startTraced(plain, settings);
    return traced;
  }
  const get = ({ stack }: Traced, headers: Record<string, string> = {}) =>
    stack.send({ path: "/api/x?key=hidden", method: "GET", headers });
  const spansOf = ({ collector }: Traced, { headers }: Awaited<ReturnType<typeof get>>) =>
    collector.traceOf(String(headers["x-kong-request-id"]));

  it("of the client goes on to a service, below the attempt's span", async () => {
    const gateway = await start();
    const spans = await spansOf(gateway, await get(gateway, sampled));
    expect(tree(spans)).toEqual(["kong", "  kong.balancer"]);
    const root = spanNamed(spans, "kong");
    const attempt = spanNamed(spans, "kong.balancer");
    expect([root.traceId, root.parentId, root.state]).toEqual([parentTrace, parentSpan, sampled.tracestate]);
    expect(seen[0]).toMatchObject({
      traceparent: `00-${parentTrace}-${attempt.spanId}-01`,
      tracestate: sampled.tracestate,
    });
    expect(attempt.attributes).toMatchObject({ "http.response.status_code": 200, "sluice.attempt": 1 });
    expect(attempt.attributes["url.full"]).not.toContain("hidden");
  });

  it("goes on to a vendor, too, with a span for each attempt", async () => {
    traced = await startTraced((url) =>
      chatConfig([openaiTarget(chatUrl(url)), openaiTarget(chatUrl(url), { model: "gpt-4o-mini" })], {
        balancer: { algorithm: "round-robin", failover_criteria: ["http_500", "non_idempotent"] },
      }),
    );
    traced.stack.simulator.behave({ behaviour: { status: 500 }, times: 1 });
    const answer = await traced.stack.send({ body: hello, headers: sampled });
    expect(answer.status).toBe(200);
    const spans = await traced.collector.traceOf(String(answer.headers["x-kong-request-id"]));
    const attempts = spans.filter(({ name }) => name === "kong.balancer");
    const told = traced.stack.simulator.received().map(({ headers }) => headers["traceparent"]);
    expect(told).toEqual(attempts.map(({ spanId }) => `00-${parentTrace}-${spanId}-01`));
    expect(new Set(told).size).toBe(2);
  });

  it("is a new one where the client's is missing or invalid", async () => {
    const gateway = await start({ http_response_header_for_traceid: "X-Trace-Id" });
    for (const headers of [{}, { traceparent: `00-${"0".repeat(32)}-${parentSpan}-01`, tracestate: "a=b" }]) {
      const answer = await get(gateway, headers);
      const root = spanNamed(await spansOf(gateway, answer), "kong");
      expect([root.parentId, root.state]).toEqual(["", ""]);
      expect(root.traceId).not.toBe(parentTrace);
      expect(answer.headers["x-trace-id"]).toBe(root.traceId);
      expect(seen.at(-1)?.["traceparent"]).toContain(root.traceId);
      expect(seen.at(-1)).not.toHaveProperty("tracestate");
    }
  });

  it("is told in the format that the client speaks, or in the one that is asked for", async () => {
    const b3 = { b3: `${parentTrace}-${parentSpan}-1` };
    const preserving = await start();
    await get(preserving, b3);
    expect(seen[0]?.["b3"]).toMatch(new RegExp(`^${parentTrace}-[0-9a-f]{16}-1$`));
    expect(seen[0]).not.toHaveProperty("traceparent");
    await preserving.close();
    const both = await start({ propagation: { extract: ["b3"], inject: ["w3c", "b3"], clear: ["B3"] } });
    await get(both, b3);
    expect(seen[1]).toMatchObject({ "x-b3-traceid": parentTrace, "x-b3-sampled": "1" });
    expect(seen[1]?.["traceparent"]).toContain(parentTrace);
    expect(seen[1]).not.toHaveProperty("b3");
  });

  it("stays the client's own where nothing is to be told", async () => {
    await get(await start({ propagation: { extract: ["w3c"], inject: [] } }), sampled);
    expect(seen[0]).toMatchObject(sampled);
  });

  it("decides about sampling, as the strategy has it", async () => {
    const dropping = await start({ sampling_rate: 1 });
    await get(dropping, unsampled);
    expect(seen[0]?.["traceparent"]).toMatch(/-00$/);
    await spansOf(dropping, await get(dropping));
    expect(dropping.collector.spans.filter(({ traceId }) => traceId === parentTrace)).toEqual([]);
    await dropping.close();

    const following = await start({ sampling_rate: 0, sampling_strategy: "parent_probability_fallback" });
    await get(following);
    await spansOf(following, await get(following, sampled));
    expect(following.collector.spans.map(({ traceId }) => traceId)).toEqual([parentTrace, parentTrace]);
    await following.close();

    const never = await start({ sampling_rate: 0 });
    await get(never, sampled);
    await never.close();
    expect(never.collector.spans).toEqual([]);
    expect(seen.at(-1)?.["traceparent"]).toMatch(/-00$/);
  });
});
