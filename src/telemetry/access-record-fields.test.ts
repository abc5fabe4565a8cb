/** Every field that is published of Kong's log entry: it is here, or here is why it is not. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createAiFacts, createRecord } from "../../test/support/access-records.ts";
import type { RouteMatch } from "../router/router.ts";

const fields = [
  ...["id", "method", "uri", "url", "size", "headers", "querystring"].map((name) => `request.${name}`),
  ...["status", "size", "headers"].map((name) => `response.${name}`),
  ...["kong", "proxy", "request", "receive"].map((name) => `latencies.${name}`),
  ...["ip", "port", "balancer_start", "balancer_latency"].map((name) => `tries.0.${name}`),
  ...["id", "name", "protocol", "host", "port", "path"].map((name) => `service.${name}`),
  ...["id", "name", "hosts", "methods", "paths"].map((name) => `route.${name}`),
  ...["id", "username", "custom_id"].map((name) => `consumer.${name}`),
  "authenticated_entity.id",
  ...["client_ip", "started_at", "upstream_status", "upstream_uri", "source", "workspace", "workspace_name"],
  ...["provider_name", "request_model", "response_model", "plugin_id", "llm_latency", "request_mode"].map(
    (name) => `ai.proxy.meta.${name}`,
  ),
  ...["prompt_tokens", "completion_tokens", "total_tokens", "cost"].map((name) => `ai.proxy.usage.${name}`),
  ...["time_per_token", "time_to_first_token"].map((name) => `ai.proxy.usage.${name}`),
  ...["cached_tokens", "audio_tokens"].map((name) => `ai.proxy.usage.prompt_tokens_details.${name}`),
  ...["reasoning_tokens", "audio_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens"].map(
    (name) => `ai.proxy.usage.completion_tokens_details.${name}`,
  ),
  "ai.proxy.payload.request",
  "ai.proxy.payload.response",
  ...["provider", "model", "route_type", "host", "ip", "port", "upstream_scheme", "upstream_uri"].map(
    (name) => `ai.proxy.tried_targets.0.${name}`,
  ),
];

/** What this version cannot have, as the page on differences says. */
const absent: Readonly<Record<string, string>> = {
  "ai.proxy.meta.azure_instance_id": "no target of that provider runs yet",
  "ai.proxy.meta.azure_deployment_id": "no target of that provider runs yet",
  "ai.proxy.meta.azure_api_version": "no target of that provider runs yet",
  "ai.proxy.usage.input_tokens": "of route types other than text, which do not run yet",
  "ai.proxy.usage.output_tokens": "of route types other than text, which do not run yet",
  "ai.proxy.usage.llm_accuracy": "of `ai-llm-as-judge`, which does not run yet",
  "ai.proxy.cache": "of `ai-semantic-cache`, which does not run yet",
};

const full = createRecord({
  now: 200,
  end: { headers: { "content-type": "application/json" } },
  query: "a=1",
  exchange: {
    service: { id: "s-1", name: "llm", protocol: "http", host: "localhost", port: 80, path: "/x" },
    route: {
      route: { id: "r-1", name: "r", hosts: ["h"], methods: ["POST"], paths: ["/anything"] },
    } as unknown as RouteMatch, // a record reads no more of it
    consumer: { id: "c-1", username: "alice", customId: "7", groups: [] },
    credential: { id: "k-1" },
    attempts: [
      {
        host: "h",
        port: 443,
        scheme: "https",
        uri: "/v1",
        startedAt: 1,
        headMs: 9,
        status: 200,
        target: "p/m",
      },
    ],
    ai: createAiFacts({
      provider: "p",
      requestModel: "m",
      responseModel: "m-1",
      llmLatencyMs: 100,
      timeToFirstTokenMs: 10,
      costUsd: 1,
      priceSource: "config",
      usage: {
        inputTokens: 9,
        outputTokens: 9,
        cachedInputTokens: 1,
        audioInputTokens: 2,
        reasoningTokens: 3,
        audioOutputTokens: 4,
        acceptedPredictionTokens: 1,
        rejectedPredictionTokens: 1,
      },
      payload: { request: "{}", response: "{}" },
      tried: [
        {
          provider: "p",
          model: "m",
          route_type: "llm/v1/chat",
          host: "h",
          ip: "h",
          port: 443,
          upstream_scheme: "https",
          upstream_uri: "/v1",
        },
      ],
    }),
  },
});

describe("Kong's log entry", () => {
  it.each(fields)("has %s here too", (field) => expect(full).toHaveProperty(field));

  it.each(Object.entries(absent))("has %s, which is not here: %s", (field, reason) => {
    expect(full).not.toHaveProperty(field);
    const page = readFileSync(new URL("../../docs/guide/differences.md", import.meta.url), "utf8");
    expect(page).toContain(`\`${field}\``);
    expect(page).toContain(reason);
  });
});

describe("a payload in a record", () => {
  const secret = "0123456789-the-key";
  const payload = { request: `{"content":"my key is ${secret}"}`, response: `["${secret}"]` };
  const recordWith = (headers: Readonly<Record<string, string>>, query = "") =>
    JSON.stringify(
      createRecord({
        headers,
        query,
        credentialNames: ["x-team"],
        exchange: { ai: createAiFacts({ payload }) },
      }),
    );

  it("shows nothing that the client showed to be let in", () => {
    for (const record of [
      recordWith({ authorization: `Bearer ${secret}` }),
      recordWith({ "x-team": secret }),
      recordWith({}, `apikey=${secret}`),
    ]) {
      expect(record).not.toContain(secret);
      expect(record).toContain("my key is [redacted]");
    }
  });

  it("shows no credential of the target", () => {
    const ai = createAiFacts({ payload, secrets: [`Token ${secret}`] });
    expect(JSON.stringify(createRecord({ exchange: { ai } }))).not.toContain(secret);
  });

  it("shows no secret that has the shape of one", () => {
    const ai = createAiFacts({ payload: { request: "use sk-0123456789abcdefghijkl please" } });
    expect(createRecord({ exchange: { ai } }).ai?.proxy.payload).toEqual({
      request: "use [redacted] please",
    });
  });
});
