import { describe, expect, it } from "vitest";
import { checkRateLimiting } from "./checks.ts";
import { aiRateLimitingAdvancedConfig } from "./config.ts";

const policy = { limits: [{ limit: 10, window_size: 60 }] };
const provider = { name: "openai", limit: [10], window_size: [60] };
const check = (config: object) =>
  checkRateLimiting(aiRateLimitingAdvancedConfig.parse(config)).map(
    ({ message, path, severity }) => `${severity} ${path.join(".")} ${message}`,
  );

describe("the checks of ai-rate-limiting-advanced", () => {
  it("accept one mode or the other", () => {
    expect(check({ policies: [policy] })).toEqual([]);
    expect(check({ llm_providers: [provider] })).toEqual([]);
  });

  it.each([
    ["neither mode", {}, "policies must be set, or llm_providers"],
    ["both modes", { policies: [policy], llm_providers: [provider] }, "policies cannot be set together"],
    ["Lua", { policies: [policy], custom_cost_count_function: "x" }, "custom_cost_count_function is Lua"],
    [
      "Lua",
      { policies: [policy], request_prompt_count_function: "x" },
      "request_prompt_count_function is Lua",
    ],
    [
      "customCost",
      { llm_providers: [{ ...provider, name: "customCost" }] },
      "llm_providers.0.name needs Lua",
    ],
    ["a policy elsewhere", { policies: [{ id: "x" }] }, "policies.0.id names a policy kept in a database"],
    ["no limits", { policies: [{}] }, "policies.0.limits must be set"],
    ["pairs", { llm_providers: [{ ...provider, limit: [1, 2] }] }, "llm_providers.0.limit must have as many"],
    [
      "no pair",
      { llm_providers: [{ ...provider, limit: [], window_size: [] }] },
      "llm_providers.0.limit must",
    ],
    [
      "half a token",
      { llm_providers: [{ ...provider, limit: [0.5] }] },
      "llm_providers.0.limit.0 must be a whole",
    ],
    ["nothing", { llm_providers: [{ ...provider, limit: [0] }] }, "llm_providers.0.limit.0 must be greater"],
    [
      "no window",
      { llm_providers: [{ ...provider, window_size: [0] }] },
      "llm_providers.0.window_size.0 must be",
    ],
    [
      "too much money",
      { policies: [{ limits: [{ limit: 1e8, window_size: 60, tokens_count_strategy: "cost" }] }] },
      "policies.0.limits.0.limit must be at most",
    ],
    [
      "a header without a name",
      { policies: [{ ...policy, match: [{ type: "header" }] }] },
      "policies.0.match.0.key must be set",
    ],
    [
      "a wrong key",
      { policies: [{ ...policy, match: [{ type: "consumer", key: "email" }] }] },
      "policies.0.match.0.key must be one of id, username, custom_id",
    ],
    [
      "no address",
      { policies: [{ ...policy, match: [{ type: "ip", values: ["10.0.0.0/33"] }] }] },
      "policies.0.match.0.values must be addresses",
    ],
    ["a header", { llm_providers: [provider], identifier: "header" }, "header_name must be set"],
    ["a path", { llm_providers: [provider], identifier: "path" }, "path must be set"],
    [
      "an odd path",
      { llm_providers: [provider], identifier: "path", path: "a//b" },
      "path must begin with /",
    ],
    ["a cluster", { policies: [policy], strategy: "cluster" }, "strategy cluster needs"],
    ["no server", { policies: [policy], strategy: "redis" }, "redis must be set"],
    ["a rate", { policies: [policy], sync_rate: 0.01 }, "sync_rate must be -1, 0, or at least 0.02"],
    ["a success", { policies: [policy], error_code: 200 }, "error_code must be the status of an error"],
    ["no text", { policies: [policy], error_message: "" }, "error_message must not be empty"],
    ["the past", { policies: [policy], retry_after_jitter_max: -1 }, "retry_after_jitter_max must not"],
  ])("refuse %s", (_, config, message) => {
    const findings = check(config);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toContain(`error ${message}`);
  });

  it("warn of a key that says nothing", () => {
    const match = [{ type: "path", key: "x" }];
    expect(check({ policies: [{ ...policy, match }] })).toEqual([
      "warning policies.0.match.0.key says nothing for path",
    ]);
  });
});
