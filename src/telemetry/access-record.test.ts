import { describe, expect, it } from "vitest";
import { createAiFacts, createRecord } from "../../test/support/access-records.ts";
import { GatewayError } from "../errors.ts";
import type { RouteMatch } from "../router/router.ts";

const attempt = { host: "api.local", port: 443, scheme: "https", uri: "/v1/chat", startedAt: 10 };
const route = (name?: string) =>
  ({ route: { id: "r-1", name, paths: ["/anything"] } }) as unknown as RouteMatch; // a record reads no more of it

describe("an access record", () => {
  it("has the shape of Kong's log entry", () => {
    const record = createRecord({
      query: "a=1",
      headers: { authorization: "Bearer secret", accept: "x" },
      end: { status: 201, bytesSent: 42, headers: { "content-type": "t", "set-cookie": ["s"] } },
      exchange: {
        route: route("anything"),
        service: { name: "llm" },
        attempts: [{ ...attempt, headMs: 60, status: 201, target: "openai/m0" }],
      },
    });
    expect(record).toEqual({
      request: {
        id: "exchange-1",
        method: "POST",
        uri: "/anything",
        url: "http://gateway.example/anything",
        querystring: { a: "1" },
        headers: {
          host: "gateway.example",
          "content-type": "application/json",
          "content-length": "5",
          authorization: "[redacted]",
          accept: "x",
        },
        size: 5,
      },
      response: { status: 201, size: 42, headers: { "content-type": "t", "set-cookie": "[redacted]" } },
      latencies: { request: 100, kong: 10, proxy: 60, receive: 30 },
      tries: [
        {
          ip: "api.local",
          port: 443,
          balancer_start: 1_700_000_000_010,
          balancer_latency: 60,
          status: 201,
          target: "openai/m0",
        },
      ],
      service: { name: "llm" },
      route: { id: "r-1", name: "anything", paths: ["/anything"] },
      workspace: "default",
      workspace_name: "default",
      client_ip: "203.0.113.7",
      started_at: 1_700_000_000_000,
      upstream_status: 201,
      upstream_uri: "/v1/chat",
      source: "upstream",
    });
  });

  it("names a route by its id where it has no name, and leaves out what there is not", () => {
    expect(createRecord({ exchange: { route: route() } }).route).toMatchObject({ id: "r-1", name: "r-1" });
    const bare = createRecord();
    for (const field of [
      "route",
      "service",
      "ai",
      "error",
      "client_aborted",
      "upstream_status",
      "upstream_uri",
    ]) {
      expect(bare).not.toHaveProperty(field);
    }
    expect(bare).toMatchObject({
      source: "kong",
      tries: [],
      latencies: { request: 100, kong: 100, proxy: 0, receive: 0 },
    });
  });

  it("tells our failures from the upstream's, and says when the client left", () => {
    const failed = createRecord({
      error: new GatewayError("upstream_timeout"),
      exchange: { attempts: [{ ...attempt, failure: "timeout" }] },
    });
    expect(failed).toMatchObject({
      source: "kong",
      error: "The upstream server is timing out",
      tries: [{ failure: "timeout" }],
    });
    expect(failed).not.toHaveProperty("upstream_status");
    const theirs = createRecord({
      end: { status: 500 },
      exchange: { attempts: [{ ...attempt, headMs: 1, status: 500, failure: "http_500" }] },
    });
    expect(theirs).toMatchObject({ source: "upstream", upstream_status: 500 });
    expect(createRecord({ end: { clientAborted: true } }).client_aborted).toBe(true);
  });

  it("adds the waiting of every attempt up, and never counts below zero", () => {
    const record = createRecord({
      now: 100.006,
      exchange: {
        attempts: [
          { ...attempt, startedAt: 5, headMs: 20 },
          { ...attempt, startedAt: 30, headMs: 30.123 },
        ],
      },
    });
    expect(record.latencies).toEqual({ request: 100.01, kong: 10, proxy: 50.12, receive: 39.88 });
    const odd = createRecord({
      now: 10,
      exchange: { attempts: [{ ...attempt, startedAt: 5, headMs: 500 }] },
    });
    expect(odd.latencies).toMatchObject({ kong: 0, receive: 0 });
  });

  it("says who called and by which credential, and not how", () => {
    const consumer = { id: "c-1", username: "alice", customId: "a-1", groups: [{ id: "g", name: "gold" }] };
    const record = createRecord({
      exchange: { consumer, credential: { id: "k-1" } },
      headers: { "x-team": "secret" },
      query: "X-Team=secret",
      credentialNames: ["x-team"],
    });
    expect(record.consumer).toEqual({ id: "c-1", username: "alice", custom_id: "a-1" });
    expect(record.authenticated_entity).toEqual({ id: "k-1" });
    expect(JSON.stringify(record)).not.toContain("secret");
    expect(createRecord()).not.toHaveProperty("consumer");
  });

  it("is JSON as it stands", () => {
    const record = createRecord({
      exchange: { ai: createAiFacts({ usage: { inputTokens: 1, outputTokens: 0 } }) },
    });
    expect(JSON.parse(JSON.stringify(record))).toEqual(record);
  });
});

describe("the AI part of an access record", () => {
  const aiOf = (facts: Parameters<typeof createAiFacts>[0]) =>
    createRecord({ exchange: { ai: createAiFacts(facts) } }).ai?.proxy;

  it("has the fields of ai.proxy", () => {
    const tried = [
      {
        provider: "openai",
        model: "m0",
        route_type: "llm/v1/chat",
        host: "h",
        ip: "h",
        port: 443,
        upstream_scheme: "https",
        upstream_uri: "/x",
        failure: "timeout",
      },
      {
        provider: "openai",
        model: "m1",
        route_type: "llm/v1/chat",
        host: "h",
        ip: "h",
        port: 443,
        upstream_scheme: "https",
        upstream_uri: "/x",
        status: 200,
      },
    ];
    const decision = {
      reason: "matched",
      groups: [{ description: "d", targets: ["openai/m1"], distance: 0.4, within: true }],
    } as const;
    expect(
      aiOf({
        mode: "stream",
        provider: "openai",
        requestModel: "m1",
        responseModel: "m1-2024",
        llmLatencyMs: 200.4,
        timeToFirstTokenMs: 50.004,
        finishReason: "stop",
        warnings: ["top_k is not sent"],
        costUsd: 0.5,
        priceSource: "table",
        usage: {
          inputTokens: 10,
          outputTokens: 4,
          cachedInputTokens: 3,
          cacheWriteTokens: 5,
          reasoningTokens: 2,
          serviceTier: "flex",
        },
        tried,
        decision,
      }),
    ).toEqual({
      meta: {
        plugin_id: "plugin-1",
        provider_name: "openai",
        request_model: "m1",
        response_model: "m1-2024",
        llm_latency: 200,
        request_mode: "stream",
        finish_reason: "stop",
        warnings: ["top_k is not sent"],
      },
      usage: {
        prompt_tokens: 10,
        completion_tokens: 4,
        total_tokens: 14,
        prompt_tokens_details: { cached_tokens: 3, cache_write_tokens: 5 },
        completion_tokens_details: { reasoning_tokens: 2 },
        cost: 0.5,
        cost_known: true,
        price_source: "table",
        service_tier: "flex",
        time_per_token: 50.1,
        time_to_first_token: 50,
      },
      tried_targets: tried,
      routing: { algorithm: "semantic", ...decision },
    });
  });

  it("has what a budget decided, as it is", () => {
    const budget = { outcome: "exceeded", counters: "exact", limits: [] } as const;
    expect(aiOf({ budget })?.budget).toEqual(budget);
    expect(aiOf({})).not.toHaveProperty("budget");
  });

  it("writes an unknown cost as 0 and says that it is unknown", () => {
    expect(aiOf({ usage: { inputTokens: 1, outputTokens: 1 } })?.usage).toMatchObject({
      cost: 0,
      cost_known: false,
    });
    expect(aiOf({ usage: { inputTokens: 1, outputTokens: 1 }, costUsd: 0 })?.usage).toMatchObject({
      cost: 0,
      cost_known: true,
    });
  });

  it("flags estimates, divides by no zero, and leaves unknown usage out", () => {
    expect(
      aiOf({ usage: { inputTokens: 1, outputTokens: 0, estimated: true }, llmLatencyMs: 5 })?.usage,
    ).toEqual({
      prompt_tokens: 1,
      completion_tokens: 0,
      total_tokens: 1,
      cost: 0,
      cost_known: false,
      estimated: true,
    });
    expect(aiOf({})).not.toHaveProperty("usage");
  });

  it("has payloads only where they were kept, and how a stream ended badly", () => {
    expect(aiOf({})).not.toHaveProperty("payload");
    expect(aiOf({ payload: { request: "{}" }, streamError: "stream_cut" })).toMatchObject({
      payload: { request: "{}" },
      meta: { stream_error: "stream_cut" },
    });
  });
});
