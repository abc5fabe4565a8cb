import { describe, expect, it } from "vitest";
import { createAiFacts, createTriedTarget } from "../../../test/support/access-records.ts";
import { createExchange } from "../../../test/support/exchange.ts";
import { createPluginServices } from "../../../test/support/fake-plugins.ts";
import { compilePrice } from "../../accounting/price.ts";
import type { Candidate, Grant } from "../../budgets/admission.ts";
import { GatewayError } from "../../errors.ts";
import type { Exchange } from "../../http/exchange.ts";
import type { ReplyHeaders } from "../../http/reply.ts";
import { aiRateLimitingAdvanced } from "./plugin.ts";

const price = compilePrice({ rates: { input: 1, output: 2 }, context: [], tiers: [] });
const candidate = (facts: Partial<Candidate> = {}): Candidate => ({
  provider: "openai",
  name: "openai/m",
  price,
  maxTokens: undefined,
  ...facts,
});

const request = { messages: [{ role: "user", content: "one two three" }], max_tokens: 100 };

function make(config: object, wallClock = 1_700_000_000_000, random = 0) {
  const services = { ...createPluginServices(), wallClock: () => wallClock, random: () => random };
  const plugin = aiRateLimitingAdvanced.create(aiRateLimitingAdvanced.config.parse(config), services, {
    id: "plugin-1",
    instanceName: undefined,
  });
  const admit = (candidates: readonly Candidate[] = [candidate()], facts: Partial<Exchange> = {}) => {
    const exchange: Exchange = { ...createExchange(), ai: createAiFacts(), ...facts };
    void plugin.access?.(exchange);
    const { admission } = exchange;
    if (admission === undefined) throw new Error("nobody is to be asked");
    const attempt = () => admission.admit(request, candidates) as Grant; // at once: nothing is asked of a server
    const headers = (body: "whole" | "stream" = "stream") => {
      const all: ReplyHeaders = {};
      const stream = { start: () => ({ resume: () => undefined, cancel: () => undefined }) };
      plugin.respond?.(exchange, { status: 200, headers: all, body: body === "whole" ? "" : stream });
      return all;
    };
    const spend = (outputTokens: number, inputTokens = 10) => {
      const usage = { inputTokens, outputTokens };
      exchange.ai?.tried.push(createTriedTarget({ spend: { usage } }));
      admission.settle(exchange.ai);
    };
    return { exchange, attempt, headers, spend };
  };
  return { plugin, admit, log: services.log.lines };
}

const shared = (limit: number, more: object = {}, tokens_count_strategy = "completion_tokens") => ({
  policies: [{ limits: [{ limit, window_size: 60, tokens_count_strategy }], window_type: "fixed" }],
  ...more,
});

function refusal(attempt: () => unknown): GatewayError {
  try {
    attempt();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error("it was let in");
}

describe("an admission", () => {
  it("reserves by the ceiling, then gives back what was not used", () => {
    const { admit } = make(shared(150));
    const first = admit();
    first.attempt();
    expect(first.headers()).toMatchObject({ "x-ai-ratelimit-remaining-minute-policy-1": "50" });
    first.spend(30);
    expect(first.exchange.ai?.budget).toMatchObject({
      outcome: "within",
      counters: "exact",
      limits: [{ reserved: 100, charged: 30, remaining: 120 }],
    });
    first.spend(30); // only the first end counts
    const second = admit();
    second.attempt();
    // 30 of 100 were used, and so it is expected again.
    expect(second.headers()).toMatchObject({ "x-ai-ratelimit-remaining-minute-policy-1": "90" });
  });

  it("reserves at the dearest target left in play", () => {
    const { admit } = make(shared(1, {}, "cost"));
    const dear = compilePrice({ rates: { input: 100, output: 1_000 }, context: [], tiers: [] });
    const { attempt, exchange } = admit([
      candidate(),
      candidate({ price: dear }),
      candidate({ price: undefined }),
    ]);
    attempt();
    // 13 tokens of the prompt, as estimated, and 100 of the answer.
    expect(exchange.ai?.budget?.limits[0]?.reserved).toBeCloseTo((13 * 100 + 100 * 1_000) / 1e6, 3);
  });

  it("adds what all attempts have used", () => {
    const { admit } = make(shared(1_000));
    const { attempt, exchange, spend } = admit();
    attempt();
    const failed = { failure: "stream_cut", spend: { usage: { inputTokens: 1, outputTokens: 5 } } };
    exchange.ai?.tried.push(createTriedTarget(failed));
    spend(20);
    expect(exchange.ai?.budget?.limits[0]?.charged).toBe(25);
  });

  it("lets in only what fits whole where the ceiling is reserved, and says which never will", () => {
    const { admit } = make(shared(250, { reserve: "ceiling" }));
    const first = admit();
    first.attempt();
    admit().attempt(); // 100 each
    expect(refusal(admit().attempt)).toMatchObject({ status: 429, retryAfterSeconds: expect.any(Number) });
    first.spend(40);
    expect(() => admit().attempt()).not.toThrow();

    const refused = make(shared(99, { reserve: "ceiling" })).admit();
    const error = refusal(refused.attempt);
    expect(error.message).toContain("this request alone may use more than the limit");
    expect(error.retryAfterSeconds).toBeUndefined();
    expect(Object.keys(refused.headers()).filter((name) => name.includes("retry-after"))).toEqual([]);
  });

  it("gives everything back where the client left before it was decided", () => {
    const { admit } = make(shared(100));
    const { attempt, exchange } = admit();
    exchange.admission?.settle(undefined);
    attempt();
    expect(() => admit().attempt()).not.toThrow();
  });

  it("says when to come back, later by a jitter, and how much is left", () => {
    const at = 1_700_000_000_000; // 20 s into its minute
    const { admit } = make(shared(1, { retry_after_jitter_max: 10 }), at, 0.5);
    admit().attempt();
    const refused = admit();
    expect(refusal(refused.attempt)).toMatchObject({
      status: 429,
      retryAfterSeconds: 45,
      message: "AI token rate limit exceeded for provider(s): policy-1",
    });
    expect(refused.headers("whole")).toEqual({
      "x-ai-ratelimit-limit-minute-policy-1": "1",
      "x-ai-ratelimit-remaining-minute-policy-1": "0",
      "x-ai-ratelimit-reset-minute-policy-1": "40",
      "x-ai-ratelimit-retry-after-minute-policy-1": "40",
      "x-ai-ratelimit-reset": "40",
      "x-ai-ratelimit-retry-after": "40",
    });
    expect(refused.exchange.ai?.budget).toMatchObject({
      outcome: "exceeded",
      limits: [{ is_exceeded: true }],
    });
  });

  it.each([
    [{ error_hide_providers: true }, "AI token rate limit exceeded for provider(s)"],
    [{ error_message: "Over:" }, "Over: policy-1"],
    [{ error_message: "Over" }, "Over"],
  ])("is refused in the words of %o", (more, message) => {
    const { admit } = make(shared(1, more));
    admit().attempt();
    expect(refusal(admit().attempt).message).toBe(message);
  });

  it("asks for the cheapest target from a share on, and not before", () => {
    const { admit } = make(shared(1_000, { on_exceeded: "cheapest", soft_threshold: 0.25 }));
    const first = admit();
    expect(first.attempt().isCheapestOnly).toBe(false);
    first.spend(250);
    const second = admit();
    expect(second.attempt().isCheapestOnly).toBe(true);
    expect(second.exchange.ai?.budget?.outcome).toBe("soft");
  });

  it("leaves providers out that are over a limit of their own, each for each caller", () => {
    const { admit } = make({ llm_providers: [{ name: "openai", limit: [5], window_size: [60] }] });
    const both = [candidate(), candidate({ provider: "azure", name: "azure/m" })];
    expect(admit(both).attempt().excludedProviders.size).toBe(0);
    expect([...admit(both).attempt().excludedProviders]).toEqual(["openai"]);
    const { exchange } = admit(both);
    expect(exchange.consumer).toBeUndefined();
    expect(refusal(admit().attempt).message).toContain("openai");
    const consumer = { id: "c", username: "alice", customId: undefined, groups: [] };
    expect(admit(both, { consumer }).attempt().excludedProviders.size).toBe(0);
  });

  it("counts refused prompts too in a sliding window, unless told not to", () => {
    for (const [disable_penalty, left] of [
      [false, 26],
      [true, 13],
    ] as const) {
      const { admit } = make({
        llm_providers: [{ name: "requestPrompt", limit: [10], window_size: [60] }],
        disable_penalty,
      });
      admit().attempt();
      refusal(admit().attempt);
      const third = admit();
      refusal(third.attempt);
      expect(third.exchange.ai?.budget?.limits[0]).toMatchObject({ remaining: 0 });
      const reset = Number(third.headers()["x-ai-ratelimit-reset-minute-requestprompt"]);
      expect(reset).toBeGreaterThan(left);
    }
  });

  it("warns once of a cost that nobody knows", () => {
    const { admit, log } = make(shared(1, {}, "cost"));
    for (let at = 0; at < 2; at++) {
      const { attempt, spend } = admit([candidate({ price: undefined })]);
      attempt();
      spend(5);
    }
    expect(log.map(({ level }) => level)).toEqual(["warn"]);
  });

  it("is not asked for requests that no policy is for", () => {
    const match = [{ type: "header", key: "x-nobody" }];
    const { admit } = make({ policies: [{ match, limits: [{ limit: 1, window_size: 1 }] }] });
    const { attempt, exchange, headers } = admit();
    expect(attempt()).toMatchObject({ isCheapestOnly: false });
    expect(headers()).toEqual({});
    expect(exchange.ai?.budget).toBeUndefined();
  });

  it("is described for people", () => {
    const match = [{ type: "consumer", partition_by: true }];
    const { plugin } = make({
      policies: [
        { match, limits: [{ limit: 5, window_size: 60, tokens_count_strategy: "cost" }] },
        ...shared(9).policies,
      ],
      on_exceeded: "cheapest",
    });
    expect(plugin.describe?.()).toEqual([
      "policy-1  at most 5 USD in 60 s (sliding), for any consumer, each for itself",
      "policy-2  at most 9 tokens of the answer in 60 s (fixed), for all others together",
      "counted in this gateway, by its workers together; what requests are expected to use is reserved",
      "from 80 % on only the cheapest targets are called",
    ]);
  });
});
