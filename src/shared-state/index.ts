/** The ways to share state beyond one gateway. Adding one: its file and a line here. */
import { redis } from "./redis.ts";
import type { ChannelDefinition } from "./state-channel.ts";

const channels: readonly ChannelDefinition[] = [redis];

/** The channel a config names; undefined where nothing leaves the gateway. */
export function findChannel(strategy: string): ChannelDefinition | undefined {
  return channels.find(({ name }) => name === strategy);
}
