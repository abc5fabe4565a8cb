/** The block `balancer`: which target gets a request, and what happens when it fails. */
import { z } from "zod";
import { sluiceAddition } from "../util/field-notes.ts";

/** The values `balancer.algorithm` may take; which of them exist here is `algorithms/index.ts`'s matter. */
const algorithmNames = [
  "consistent-hashing",
  "least-connections",
  "lowest-latency",
  "lowest-usage",
  "priority",
  "round-robin",
  "semantic",
] as const;

/** nginx's `proxy_next_upstream` conditions. */
const failoverCriteria = [
  "error",
  "http_403",
  "http_404",
  "http_429",
  "http_500",
  "http_502",
  "http_503",
  "http_504",
  "invalid_header",
  "non_idempotent",
  "timeout",
] as const;

const longest = 2147483646;
const timeoutMs = (description: string) => z.int().min(1).max(longest).default(60000).describe(description);

/** The published schema has hyphens, its own description underscores, and a neighbouring plugin underscores too. */
function hyphens(value: unknown): unknown {
  return typeof value === "string" ? value.replaceAll("_", "-") : value;
}

const tokensCountStrategy = z
  .preprocess(
    hyphens,
    z
      .enum(["completion-tokens", "cost", "llm-accuracy", "prompt-tokens", "total-tokens"])
      .default("total-tokens"),
  )
  .describe("What `lowest-usage` counts. Underscores are accepted in place of the hyphens.");

/** Ours: Kong's published schema says nothing about what is embedded. */
const semanticOptions = z
  .strictObject({
    message_countback: z
      .int()
      .min(1)
      .max(1000)
      .default(1)
      .describe("How many of the latest messages that a person wrote are embedded."),
    include_system: z.boolean().default(false).describe("Embed the system message too."),
    inherit_follow_ups: z
      .boolean()
      .default(true)
      .describe("A short follow-up (“yes, go on”) is routed like the message it follows."),
    timeout: z
      .int()
      .min(1)
      .max(60000)
      .default(2000)
      .describe("Longest wait for the prompt's vector, in milliseconds."),
    group_policy: z
      .enum([
        "weighted",
        "strict",
        "consistent-hashing",
        "least-connections",
        "lowest-latency",
        "lowest-usage",
      ])
      .default("weighted")
      .describe(
        "Inside a group: `weighted` shares by weight, `strict` always starts with the highest weight, the others are the algorithms of these names.",
      ),
  })
  .describe("Settings of the semantic algorithm.")
  .meta(sluiceAddition);

export const balancerOptions = z
  .strictObject({
    algorithm: z.enum(algorithmNames).default("round-robin").describe("How a target is chosen."),
    retries: z
      .int()
      .min(0)
      .max(32767)
      .default(5)
      .describe("Most further tries after the first; never more than there are targets."),
    failover_criteria: z
      .array(z.enum(failoverCriteria))
      .default(["error", "timeout"])
      .describe(
        "Failures after which the next target is tried. A POST that was already sent is only sent again with `non_idempotent` among them.",
      ),
    connect_timeout: timeoutMs("Longest wait for a connection, in milliseconds."),
    write_timeout: timeoutMs("Longest wait between two writes to the vendor, in milliseconds."),
    read_timeout: timeoutMs("Longest wait between two reads from the vendor, in milliseconds."),
    max_fails: z
      .int()
      .min(0)
      .max(32767)
      .default(0)
      .describe("Failures after which a target is left out for `fail_timeout`; 0 never leaves one out."),
    fail_timeout: z
      .int()
      .min(1)
      .max(longest)
      .default(10000)
      .describe(
        "How long a failed target is left out, and for how long failures are counted, in milliseconds.",
      ),
    hash_on_header: z
      .string()
      .default("X-Kong-LLM-Request-ID")
      .describe("Header whose value `consistent-hashing` keeps on one target."),
    slots: z
      .int()
      .min(10)
      .max(65536)
      .default(10000)
      .describe(
        "Points on the ring of `consistent-hashing`: of a target whose weight is the greatest power of two up to the heaviest; at least 1000.",
      ),
    latency_strategy: z
      .enum(["e2e", "tpot"])
      .default("tpot")
      .describe("What `lowest-latency` measures: time per token of output, or the whole time."),
    tokens_count_strategy: tokensCountStrategy,
    usage_half_life: z
      .int()
      .min(1000)
      .max(longest)
      .default(600_000)
      .describe(
        "Time in which the usage that `lowest-usage` remembers loses half of its weight, in milliseconds.",
      )
      .meta(sluiceAddition),
    total_timeout: z
      .int()
      .min(0)
      .max(longest)
      .default(0)
      .describe(
        "Bound on the whole exchange with the models, all attempts and the whole answer, in milliseconds; 0: none.",
      )
      .meta(sluiceAddition),
    stream_hold: z
      .int()
      .min(0)
      .max(longest)
      .default(5000)
      .describe(
        "How long the head of a stream is held back for its first content, so that a target that fails before it can be replaced unseen, in milliseconds; 0: not at all.",
      )
      .meta(sluiceAddition),
    semantic: semanticOptions.prefault({}),
  })
  .describe("How requests are shared among the targets.");
