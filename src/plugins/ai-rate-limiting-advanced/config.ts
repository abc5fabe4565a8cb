/** The config of `ai-rate-limiting-advanced`: every field of the published schema, and what we add to it. */
import { z } from "zod";
import { llmFormats } from "../../providers/llm-formats.ts";
import { redisOptions } from "../../redis/options.ts";
import { planned, sluiceAddition } from "../../util/field-notes.ts";

/** Names with a meaning of their own among `llm_providers`. */
export const requestPrompt = "requestPrompt";
export const customCost = "customCost";

const strategies = ["completion_tokens", "cost", "prompt_tokens", "total_tokens"] as const;
const windowTypes = ["fixed", "sliding"] as const;

const strategy = () =>
  z
    .enum(strategies)
    .default("total_tokens")
    .describe(
      "What is counted: tokens of the prompt, of the answer, of both, or `cost` in USD by the price that holds for the target.",
    );

const limit = z.strictObject({
  limit: z.number().describe("So much per window: tokens, or USD where `cost` is counted."),
  window_size: z.int().describe("Length of the window, in seconds."),
  tokens_count_strategy: strategy(),
});

const condition = z.strictObject({
  type: z
    .enum(["consumer", "consumer_group", "header", "ip", "model", "path", "provider"])
    .describe(
      "What is looked at: who calls, the client's address, its header, the path, the model it asked for (`auto` where it asked " +
        "for none), or the provider that would answer.",
    ),
  key: z
    .string()
    .describe(
      "Which part of it: `id`, `username` or `custom_id` of a consumer, `id` or `name` of a group (left out: any of them); the " +
        "name of the header.",
    )
    .optional(),
  values: z
    .array(z.string())
    .describe(
      "One of these must be it. An address may be a range (`10.0.0.0/8`), a path stands for what is below it too. Left out, any " +
        "value will do.",
    )
    .optional(),
  partition_by: z
    .boolean()
    .default(false)
    .describe("Count each value for itself; else all that match share one count."),
});

const policy = z.strictObject({
  id: z.string().describe("A policy kept elsewhere. Refused: give `limits`.").optional(),
  limits: z.array(limit).min(1).describe("All of these hold.").optional(),
  match: z
    .array(condition)
    .describe("All of these must hold. Left out, the policy is for requests that no other policy matches.")
    .optional(),
  window_type: z
    .enum(windowTypes)
    .default("sliding")
    .describe("`sliding` counts the window before too, as far as it overlaps; `fixed` starts from nothing."),
});

const provider = z.strictObject({
  name: z
    .enum([
      "anthropic",
      "azure",
      "bedrock",
      "cohere",
      customCost,
      "gemini",
      "huggingface",
      "llama2",
      "mistral",
      "openai",
      requestPrompt,
    ])
    .describe("The provider; `requestPrompt` counts the prompts of all requests, refused ones included."),
  limit: z.array(z.number()).describe("So much per window; one for each of `window_size`."),
  window_size: z.array(z.number()).describe("Lengths of the windows, in seconds; one for each of `limit`."),
});

const lua = (what: string) =>
  z.string().describe(`Lua code that counts ${what}. Refused: this gateway runs none.`).optional();

export const aiRateLimitingAdvancedConfig = z.strictObject({
  policies: z
    .array(policy)
    .describe("Who may use how much. All policies that match hold. Not together with `llm_providers`.")
    .optional(),
  llm_providers: z
    .array(provider)
    .describe(
      "How much of each provider may be used, by each that `identifier` tells apart. A provider over its limit is left out.",
    )
    .optional(),
  tokens_count_strategy: strategy().describe("What `llm_providers` count, as in `policies`."),
  window_type: z
    .enum(windowTypes)
    .default("sliding")
    .describe("The windows of `llm_providers`, as in `policies`."),
  identifier: z
    .enum(["consumer", "consumer-group", "credential", "header", "ip", "path", "service"])
    .default("consumer")
    .describe(
      "Whom `llm_providers` count each for itself. Who has none of it is known by the address. `consumer-group`: all together, for " +
        "a plugin that stands at a group.",
    ),
  header_name: z.string().describe("The header of `identifier: header`.").optional(),
  path: z.string().describe("The path of `identifier: path`: requests to it share one count.").optional(),
  strategy: z
    .enum(["cluster", "local", "redis"])
    .default("local")
    .describe(
      "Who counts together: `local`, the workers of one gateway; `redis`, all gateways with the same server and namespace. " +
        "`cluster` is refused.",
    ),
  sync_rate: z
    .number()
    .describe(
      "Seconds between exchanges with the server; 0 (as if left out): the server decides about each request; -1: it is not used.",
    )
    .optional(),
  namespace: z
    .string()
    .describe(
      "Counts are shared by all with the same name; left out, by this plugin's instances in all gateways.",
    )
    .optional(),
  redis: redisOptions.describe("Connection to Redis or Valkey.").optional(),
  error_code: z.number().default(429).describe("Status of a refusal."),
  error_message: z
    .string()
    .default("AI token rate limit exceeded for provider(s): ")
    .describe("Text of a refusal. Where it ends in a colon, the names of the providers or policies follow."),
  error_hide_providers: z.boolean().default(false).describe("Leave these names out."),
  hide_client_headers: z
    .boolean()
    .default(false)
    .describe("Send no `X-AI-RateLimit-` headers. `Retry-After` is sent all the same."),
  retry_after_jitter_max: z
    .number()
    .default(0)
    .describe(
      "Up to so many seconds, drawn anew each time, are added to `Retry-After`, so that not all come back at once.",
    ),
  disable_penalty: z
    .boolean()
    .default(false)
    .describe("Do not count refused requests: only for `requestPrompt` in sliding windows."),
  decrease_by_fractions_in_redis: z
    .boolean()
    .default(false)
    .describe("Fractions are always counted here, whatever this says."),
  dictionary_name: z
    .string()
    .default("kong_rate_limiting_counters")
    .describe("Memory that worker processes share in Kong; ours tell each other.")
    .meta(planned),
  llm_format: z
    .enum(llmFormats)
    .describe("Wire format that clients speak. The plugin that calls the model decides about it.")
    .optional(),
  request_prompt_count_function: lua("prompts"),
  custom_cost_count_function: lua("costs"),
  reserve: z
    .enum(["expected", "ceiling", "none"])
    .default("expected")
    .describe(
      "What of a request is counted while it is under way, and corrected when it has ended. `expected`: what such requests have used so " +
        "far; it is let in while something is left. `ceiling`: the most it may use by the `max_tokens` of client and target; it is let " +
        "in only where that fits. `none`: nothing, as in Kong: requests that come together may all pass.",
    )
    .meta(sluiceAddition),
  on_exceeded: z
    .enum(["reject", "cheapest"])
    .default("reject")
    .describe(
      "`cheapest`: once `soft_threshold` of a limit is used, requests go to the cheapest of their targets. At the limit they are " +
        "refused in any case.",
    )
    .meta(sluiceAddition),
  soft_threshold: z
    .number()
    .min(0)
    .max(1)
    .default(0.8)
    .describe("Share of a limit, for `on_exceeded: cheapest`.")
    .meta(sluiceAddition),
  reserve_timeout: z
    .int()
    .min(1)
    .max(60_000)
    .default(100)
    .describe(
      "How long a request waits for the server's decision, in milliseconds; then it is made with what is known here.",
    )
    .meta(sluiceAddition),
});

/** The config after validation, defaults filled in. */
export type RateLimitingConfig = z.output<typeof aiRateLimitingAdvancedConfig>;
export type PolicyConfig = z.output<typeof policy>;
export type ConditionConfig = z.output<typeof condition>;
