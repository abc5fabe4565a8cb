/** The block `state`: how far what is learned of targets reaches. */
import { z } from "zod";
import { checkRedis, redisOptions } from "../redis/options.ts";
import { type OptionFault, required } from "../util/option-rules.ts";

/** In the process, and among the workers of one gateway; nothing to start. */
const memory = "memory";

const strategyNames = [memory, "redis"] as const;

export const stateOptions = z
  .strictObject({
    strategy: z
      .enum(strategyNames)
      .default(memory)
      .describe(
        "Who shares circuit breakers, usage, requests under way and cool-downs: `memory`, the workers of one gateway; " +
          "`redis`, all gateways with the same config that use the same server.",
      ),
    interval: z
      .int()
      .min(20)
      .max(10_000)
      .default(100)
      .describe("How often a process tells the others and listens to them, in milliseconds."),
    redis: redisOptions.describe("Connection to Redis or Valkey.").optional(),
  })
  .describe("What gateways tell each other of their targets.");

export type StateOptions = z.output<typeof stateOptions>;

/** Faults of the block; paths are relative to it. */
export function checkState(state: StateOptions): readonly OptionFault[] {
  const missing = state.strategy === "redis" ? required(state, ["redis"], [], "strategy redis") : [];
  return [...missing, ...checkRedis(state.redis)];
}
