/** The block `vectordb.redis`: the connection, and what searches. */
import { z } from "zod";
import { redisFields, spellOut } from "../redis/options.ts";
import { sluiceAddition } from "../util/field-notes.ts";

const fields = redisFields.extend({
  engine: z
    .enum(["auto", "search", "vectorset"])
    .default("auto")
    .describe(
      "What searches in the server: `search`, the query engine (FT.*) of Redis Stack, Redis 8 and valkey-search; " +
        "`vectorset`, the vector sets (VADD) of Redis 8; `auto`, the first of them that is there. Best set where `connection_is_proxied`.",
    )
    .meta(sluiceAddition),
});

export const vectorRedisOptions = z.preprocess(spellOut, fields);

export type VectorRedisOptions = z.output<typeof fields>;
