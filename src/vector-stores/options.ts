/** The block `vectordb`: where description vectors live and how near is near enough. */
import { z } from "zod";
import { checkRedis } from "../redis/options.ts";
import type { OptionFault } from "../util/option-rules.ts";
import { checkPgvector, pgvectorOptions } from "./pgvector-options.ts";
import { vectorRedisOptions } from "./redis-options.ts";

/** Kong's published names. */
const publishedNames = ["pgvector", "redis"] as const;

/** Ours: in the process, nothing to start. */
const memory = "memory";

const vectorStoreNames = [...publishedNames, memory] as const;

export const vectordbOptions = z
  .strictObject({
    strategy: z
      .enum(vectorStoreNames)
      .describe("The store. Sluice addition: `memory`, inside the process, with nothing to start."),
    dimensions: z
      .int()
      .refine((length) => length >= 1, "must be at least 1")
      .describe(
        "Length of the vectors, asked from the embedding model. Sluice addition: `memory` may leave it out.",
      )
      .optional(),
    distance_metric: z
      .enum(["cosine", "euclidean"])
      .describe("How distance is measured. Sluice addition: `memory` may leave it out and measures `cosine`.")
      .optional(),
    threshold: z
      .number()
      .describe(
        "Largest distance at which a description still matches a prompt; larger is looser. " +
          "Cosine: 1 − similarity. Euclidean: d / (1 + d). Required for the semantic algorithm.",
      )
      .optional(),
    redis: vectorRedisOptions.describe("Connection to Redis or Valkey.").optional(),
    pgvector: pgvectorOptions.describe("Connection to PostgreSQL with pgvector.").optional(),
  })
  .superRefine((vectordb, context) => {
    if (vectordb.strategy === memory) return;
    for (const field of ["dimensions", "distance_metric"] as const) {
      if (vectordb[field] !== undefined) continue;
      context.addIssue({
        code: "custom",
        path: [field],
        message: `is required for strategy ${vectordb.strategy}`,
      });
    }
  })
  .describe("Where description vectors live. Left out, they live in the process (Sluice addition).");

export type VectordbOptions = z.output<typeof vectordbOptions>;

/** What stands in where a semantic balancer has no `vectordb` block. The threshold is the published example's. */
export const defaultVectordb = {
  ...vectordbOptions.parse({ strategy: memory, distance_metric: "cosine", threshold: 0.7 }),
  threshold: 0.7,
} satisfies VectordbOptions;

/** Faults of the block; paths are relative to it. */
export function checkVectordb(vectordb: VectordbOptions): readonly OptionFault[] {
  return [...checkRedis(vectordb.redis), ...checkPgvector(vectordb)];
}
