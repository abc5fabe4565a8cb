/** Budgets at the door: published headers and answers, concurrency, providers, shifts to cheaper targets. */
import { readFileSync } from "node:fs";
import OpenAI from "openai";
import { afterEach, describe, expect, it } from "vitest";
import { type Answer, type Stack, type StackOptions, startStack } from "../support/gateway.ts";
import type { ConfigObject } from "../support/gateway-config.ts";

const keys = { alice: "sk-alice-6f1c", bob: "sk-bob-93ab" };
const consumers = [
  { username: "alice", groups: [{ name: "gold" }], keyauth_credentials: [{ key: keys.alice }] },
  { username: "bob", keyauth_credentials: [{ key: keys.bob }] },
];

interface TargetFacts {
  readonly provider?: string;
  readonly name?: string;
  readonly options?: ConfigObject;
  readonly more?: ConfigObject;
}

let stack: Stack;
afterEach(() => stack.close());

/** A clock by which an hour and a minute have just begun: no window of them ends before the test does. */
function earlyInAnHour(): () => number {
  const shiftMs = 1_000 - (Date.now() % 3_600_000);
  return () => Date.now() + shiftMs;
}

/** A gateway with these limits before these targets; callers show keys. */
async function start(
  limits: ConfigObject,
  targets: readonly TargetFacts[] = [{}],
  simulator: StackOptions["simulator"] = {},
): Promise<void> {
  stack = await startStack({
    simulator,
    wallClock: earlyInAnHour(),
    config: (url) => ({
      _format_version: "3.0",
      services: [{ name: "llm", url: "http://localhost", routes: [{ name: "chat", paths: ["/chat"] }] }],
      consumers,
      consumer_groups: [{ name: "gold" }],
      plugins: [
        { name: "key-auth" },
        { name: "ai-rate-limiting-advanced", config: limits },
        {
          name: "ai-proxy-advanced",
          config: {
            targets: targets.map(({ more, name = "gpt-4o", options, provider = "openai" }) => ({
              route_type: "llm/v1/chat",
              model: {
                provider,
                name,
                options: {
                  upstream_url:
                    provider === "anthropic" ? `${url}/v1/messages` : `${url}/v1/chat/completions`,
                  ...(provider === "anthropic" && { anthropic_version: "2023-06-01" }),
                  ...options,
                },
              },
              auth: { header_name: "Authorization", header_value: "Bearer sk-of-the-vendor" },
              ...more,
            })),
          },
        },
      ],
    }),
  });
}

const ask = (who: keyof typeof keys, more: object = {}): Promise<Answer> =>
  stack.send({
    headers: { apikey: keys[who] },
    body: { messages: [{ role: "user", content: "What is a list?" }], max_tokens: 20, ...more },
  });

const tokensOf = (answer: Answer) => (answer.json()["usage"] as { total_tokens: number }).total_tokens;

const perCaller = (limits: readonly ConfigObject[], more: ConfigObject = {}): ConfigObject => ({
  policies: [
    { match: [{ type: "consumer", partition_by: true }], limits: [...limits], window_type: "fixed" },
  ],
  ...more,
});

describe("a budget of tokens", () => {
  it("lets a caller in while something is left, counts each caller alone, and says what is left", async () => {
    await start(perCaller([{ limit: 40, window_size: 3600 }]));
    const first = await ask("alice");
    expect(first.status, first.text).toBe(200);
    const used = tokensOf(first);
    expect(first.headers).toMatchObject({
      "x-ai-ratelimit-limit-hour-policy-1": "40",
      "x-ai-ratelimit-remaining-hour-policy-1": String(40 - used),
    });
    expect(Number(first.headers["x-ai-ratelimit-reset-hour-policy-1"])).toBeLessThanOrEqual(3600);
    let last = first;
    let total = used;
    for (let tries = 0; last.status === 200 && tries < 20; tries++) {
      last = await ask("alice");
      if (last.status === 200) total += tokensOf(last);
    }
    expect(last.status).toBe(429);
    expect(total).toBeGreaterThanOrEqual(40);
    expect(total - 40).toBeLessThan(used);
    expect(last.json()).toMatchObject({
      message: "AI token rate limit exceeded for provider(s): policy-1",
      error: { code: "rate_limit_exceeded", type: "rate_limit_error" },
    });
    const wait = Number(last.headers["retry-after"]);
    expect(wait).toBeGreaterThan(0);
    expect(last.headers["x-ai-ratelimit-retry-after-hour-policy-1"]).toBe(String(wait));
    expect(last.headers["x-ai-ratelimit-remaining-hour-policy-1"]).toBe("0");
    expect((await ask("bob")).status).toBe(200);
    const record = await last.record();
    expect(record.ai?.proxy.budget).toMatchObject({ outcome: "exceeded", counters: "exact" });
    expect(stack.metrics()).toContain('outcome="exceeded"');
  });
});

/** Tokens that the simulator's answers have used, as their bodies say. */
const sum = (answers: readonly Answer[]) =>
  answers.filter(({ status }) => status === 200).reduce((total, answer) => total + tokensOf(answer), 0);

describe("requests that come together", () => {
  it.each([["fixed"], ["sliding"]])(
    "do not overshoot a %s window by more than one of them",
    async (window_type) => {
      await start(
        {
          policies: [
            {
              match: [{ type: "consumer", partition_by: true }],
              limits: [{ limit: 300, window_size: 3600 }],
              window_type,
            },
          ],
        },
        [{}],
        { behaviour: { latencyMs: 50 } },
      );
      const answers = await Promise.all(Array.from({ length: 100 }, () => ask("alice")));
      const good = answers.filter(({ status }) => status === 200);
      const most = Math.max(...good.map(tokensOf));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
      expect(sum(answers)).toBeLessThan(300 + most);
      // What was reserved and not used is there for others.
      const rest = await ask("alice");
      expect(rest.status).toBe(sum(answers) < 300 ? 200 : 429);
    },
  );

  it("never pass the limit where the most that each may use is reserved", async () => {
    const limit = 300;
    await start(
      perCaller([{ limit, window_size: 3600 }], { reserve: "ceiling" }),
      [{ options: { max_tokens: 60 } }],
      { behaviour: { latencyMs: 50 } },
    );
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask("alice")));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
    expect(sum(answers)).toBeGreaterThan(0);
    expect(sum(answers)).toBeLessThanOrEqual(limit);
  });

  it("all pass where nothing is reserved, as in Kong, and the next is refused", async () => {
    await start(perCaller([{ limit: 10, window_size: 3600 }], { reserve: "none" }), [{}], {
      behaviour: { latencyMs: 100 },
    });
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask("alice")));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect((await ask("alice")).status).toBe(429);
  });
});

const priced = (input_cost: number, output_cost: number) => ({ options: { input_cost, output_cost } });

describe("a budget of money", () => {
  it("counts USD to the pico-USD, and shows what is left", async () => {
    await start(perCaller([{ limit: 1, window_size: 3600, tokens_count_strategy: "cost" }]), [
      priced(250, 1000),
    ]);
    const answer = await ask("alice");
    const record = await answer.record();
    const cost = record.ai?.proxy.usage?.cost ?? 0;
    expect(cost).toBeGreaterThan(0);
    expect(answer.headers["x-ai-ratelimit-limit-hour-policy-1"]).toBe("1");
    expect(Number(answer.headers["x-ai-ratelimit-remaining-hour-policy-1"])).toBeCloseTo(1 - cost, 5);
    expect(record.ai?.proxy.budget?.limits).toEqual([
      expect.objectContaining({
        policy: "policy-1",
        strategy: "cost",
        limit: 1,
        charged: expect.closeTo(cost, 5),
      }),
    ]);
    expect(stack.metrics()).toContain(
      'sluice_budget_charged_total{route="chat",policy="policy-1",strategy="cost"',
    );
  });

  it("counts a target without a price as free, and says so once", async () => {
    await start(perCaller([{ limit: 1, window_size: 3600, tokens_count_strategy: "cost" }]));
    for (let at = 0; at < 2; at++)
      expect((await ask("alice")).headers["x-ai-ratelimit-remaining-hour-policy-1"]).toBe("1");
    expect(stack.log.filter(({ message }) => message.includes("price of its target"))).toHaveLength(1);
  });

  it("shifts to the cheapest target before it refuses, and says why", async () => {
    await start(
      perCaller([{ limit: 100, window_size: 3600 }], { on_exceeded: "cheapest", soft_threshold: 0.3 }),
      [
        { name: "gpt-4o", ...priced(2.5, 10), more: { weight: 1000 } },
        { name: "gpt-4o-mini", ...priced(0.15, 0.6), more: { weight: 1 } },
      ],
    );
    const answers: Answer[] = [];
    do answers.push(await ask("alice"));
    while (answers.at(-1)?.status === 200 && answers.length < 50);
    const models = answers.map(({ headers, status }) =>
      status === 200 ? `${headers["x-kong-llm-model"]} ${headers["x-sluice-routing"] ?? ""}`.trim() : status,
    );
    const cheap = "openai/gpt-4o-mini reason=balanced; budget=soft";
    expect(models[0]).toBe("openai/gpt-4o reason=balanced");
    expect(models.at(-2)).toBe(cheap);
    expect(models.at(-1)).toBe(429);
    const shifted = models.indexOf(cheap);
    expect(new Set(models.slice(0, shifted))).toEqual(new Set(["openai/gpt-4o reason=balanced"]));
    expect(new Set(models.slice(shifted, -1)).size).toBe(1);
    expect((await answers.at(-2)?.record())?.ai?.proxy.budget).toMatchObject({ outcome: "soft" });
  });
});

describe("llm_providers", () => {
  const limits = (names: readonly string[], limit: number, more: ConfigObject = {}): ConfigObject => ({
    llm_providers: names.map((name) => ({ name, limit: [limit], window_size: [60] })),
    ...more,
  });
  const both: readonly TargetFacts[] = [
    { more: { weight: 1000 } },
    { provider: "anthropic", name: "claude-haiku-4-5", more: { weight: 1 } },
  ];

  it("leaves out a provider over its limit, and names those that are when none is left", async () => {
    await start(limits(["openai", "anthropic"], 30), both);
    const answers: Answer[] = [];
    do answers.push(await ask("alice"));
    while (answers.at(-1)?.status === 200 && answers.length < 50);
    const models = answers.map(({ headers }) => headers["x-kong-llm-model"]);
    expect(models[0]).toBe("openai/gpt-4o");
    expect(models.at(-2)).toBe("anthropic/claude-haiku-4-5");
    const refused = answers.at(-1);
    expect(refused?.json()).toMatchObject({
      message: "AI token rate limit exceeded for provider(s): openai, anthropic",
    });
    expect(refused?.headers["x-ai-ratelimit-limit-minute-openai"]).toBe("30");
    expect(refused?.headers["x-ai-ratelimit-remaining-minute-anthropic"]).toBe("0");
    // A sliding window may be full beyond its end.
    expect(Number(refused?.headers["retry-after"])).toBeLessThanOrEqual(120);
    expect((await answers.at(-2)?.record())?.ai?.proxy.budget).toMatchObject({
      outcome: "within",
      excluded_providers: ["openai"],
    });
    expect((await ask("bob")).headers["x-kong-llm-model"]).toBe("openai/gpt-4o");
  });

  it("does not bound providers that are not among them", async () => {
    await start(limits(["anthropic"], 1), both);
    for (let at = 0; at < 3; at++) expect((await ask("alice")).status).toBe(200);
  });

  it("counts prompts under requestPrompt, refused ones too, and says what one costs", async () => {
    await start(limits(["requestPrompt"], 15));
    const answer = await ask("alice");
    const cost = Number(answer.headers["x-ai-ratelimit-query-cost"]);
    expect(cost).toBeGreaterThan(0);
    let last = answer;
    for (let tries = 0; last.status === 200 && tries < 20; tries++) last = await ask("alice");
    expect(last.json()).toMatchObject({ message: expect.stringContaining("requestPrompt") });
  });

  it("answers in the words and with the status of the config", async () => {
    await start(
      limits(["openai"], 1, {
        error_code: 503,
        error_message: "Come back later",
        hide_client_headers: true,
        retry_after_jitter_max: 5,
        identifier: "header",
        header_name: "X-Team",
      }),
    );
    expect((await ask("alice")).status).toBe(200);
    const refused = await ask("alice");
    expect(refused.status).toBe(503);
    expect(refused.json()).toMatchObject({ message: "Come back later" });
    expect(Object.keys(refused.headers).filter((name) => name.startsWith("x-ai-ratelimit"))).toEqual([]);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
  });
});

describe("policies", () => {
  it("hold for whom they match, all that match, and the one without conditions for the rest", async () => {
    await start({
      policies: [
        {
          match: [{ type: "consumer_group", values: ["gold"] }],
          limits: [{ limit: 1_000, window_size: 60 }],
        },
        {
          match: [
            { type: "model", values: ["gpt-4o"] },
            { type: "path", values: ["/chat"] },
          ],
          limits: [{ limit: 500, window_size: 7 }],
        },
        { limits: [{ limit: 100, window_size: 3600 }] },
      ],
    });
    const namesFor = async (who: keyof typeof keys, more: object) =>
      Object.keys((await ask(who, more)).headers)
        .filter((name) => name.startsWith("x-ai-ratelimit-limit-"))
        .map((name) => name.replace("x-ai-ratelimit-limit-", ""))
        .sort();
    expect(await namesFor("alice", {})).toEqual(["minute-policy-1"]);
    expect(await namesFor("alice", { model: "gpt-4o" })).toEqual(["7-policy-2", "minute-policy-1"]);
    expect(await namesFor("bob", { model: "gpt-4o" })).toEqual(["7-policy-2"]);
    expect(await namesFor("bob", {})).toEqual(["hour-policy-3"]);
  });
});

describe("what was reserved", () => {
  const big = perCaller([{ limit: 5_000, window_size: 3600 }]);
  const remaining = async () =>
    Number((await ask("alice", { max_tokens: 1 })).headers["x-ai-ratelimit-remaining-hour-policy-1"]);

  it("of a stream is shown in its headers, and given back at its end", async () => {
    await start(big);
    const answer = await ask("alice", { stream: true, max_tokens: 2_000 });
    expect(Number(answer.headers["x-ai-ratelimit-remaining-hour-policy-1"])).toBeLessThan(3_000);
    const used = (await answer.record()).ai?.proxy.usage?.total_tokens ?? 0;
    expect((await answer.record()).ai?.proxy.budget?.limits[0]?.charged).toBe(used);
    expect(await remaining()).toBeGreaterThan(4_900 - used);
  });

  it("is given back when the call fails, and when the client leaves", async () => {
    await start(big, [{}], { script: ({ headers }) => (headers["x-fail"] ? { status: 500 } : undefined) });
    const failed = await stack.send({
      headers: { apikey: keys.alice, "x-fail": "1", "x-simulate-status": "500" },
      body: { messages: [{ role: "user", content: "hi" }], max_tokens: 3_000 },
    });
    expect(failed.status).toBeGreaterThan(0);
    await failed.record();
    const leaving = new AbortController();
    const call = stack.send({
      headers: { apikey: keys.alice },
      body: { messages: [{ role: "user", content: "hi" }], max_tokens: 3_000, stream: true },
      signal: leaving.signal,
    });
    leaving.abort();
    await call.catch(() => undefined);
    await expect.poll(() => stack.gateway.running).toBe(0);
    expect(await remaining()).toBeGreaterThan(4_000);
  });
});

describe("a client", () => {
  it("of OpenAI's is told to wait, in the way its SDK understands", async () => {
    await start(perCaller([{ limit: 1, window_size: 3600 }]));
    const client = new OpenAI({ apiKey: keys.alice, baseURL: `${stack.url}/chat`, maxRetries: 0 });
    const messages = [{ role: "user" as const, content: "What is a list?" }];
    await client.chat.completions.create({ model: "auto", messages });
    const error = await client.chat.completions.create({ model: "auto", messages }).catch((reason) => reason);
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error.code).toBe("rate_limit_exceeded");
    expect(error.message).toContain("AI token rate limit exceeded");
    expect(Number(error.headers.get("retry-after"))).toBeGreaterThan(0);
  });
});

describe("examples/budgets", () => {
  it("does what its README says", async () => {
    const yaml = readFileSync(new URL("../../examples/budgets/gateway.yaml", import.meta.url), "utf8");
    stack = await startStack({
      config: (url) => yaml.replaceAll('${{ env "DECK_OPENAI_CHAT_URL" }}', `${url}/v1/chat/completions`),
      env: { DECK_OPENAI_API_KEY: "x", DECK_ALICE_KEY: keys.alice, DECK_BOB_KEY: keys.bob },
    });
    const send = (key: string) =>
      stack.send({
        path: "/anything",
        headers: { apikey: key },
        body: { messages: [{ role: "user", content: "What is a list?" }] },
      });
    const seen: string[] = [];
    // A minute may end meanwhile; then it takes some more.
    for (let at = 0; at < 40 && !seen.includes("429"); at++) {
      const { headers, status } = await send(keys.bob);
      seen.push(
        status === 200 ? `${headers["x-kong-llm-model"]} ${headers["x-sluice-routing"]}` : `${status}`,
      );
    }
    expect(seen[0]).toBe("openai/gpt-4o reason=balanced");
    expect(seen.at(-2)).toBe("openai/gpt-4o-mini reason=balanced; budget=soft");
    expect(seen.at(-1)).toBe("429");
    const { headers } = await send(keys.alice);
    expect(headers["x-ai-ratelimit-limit-hour-policy-1"]).toBe("5");
    expect(headers["x-ai-ratelimit-limit-minute-policy-2"]).toBe("1000");
  });
});
