/** Vectors in Redis, Valkey and their like: a manifest that any server can keep, and beside it what the server searches. */

import { checkRedis } from "../redis/options.ts";
import { createRedisStore } from "./redis/store.ts";
import { vectorRedisOptions } from "./redis-options.ts";
import { defineVectorStore } from "./vector-store.ts";

export const redis = defineVectorStore({
  name: "redis",
  summary:
    "Keeps vectors in Redis 8, Redis Stack, Valkey with valkey-search and their like, and lets the server search them.",
  isRemote: true,
  create(config, { schedule }) {
    const [fault] = checkRedis(config.redis);
    if (fault !== undefined) throw new Error(`vectordb.${fault.path.join(".")} ${fault.message}`);
    return createRedisStore(config.redis ?? vectorRedisOptions.parse({}), schedule);
  },
});
