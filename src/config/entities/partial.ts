/** Entity: a block of settings that plugins share. */
import { z } from "zod";
import { commonFields, defineEntity, entityName } from "../entity.ts";

export const partial = defineEntity({
  name: "partial",
  plural: "partials",
  summary: "A block of settings that plugins share: they link it with `partials`, and it fills in theirs.",
  nameField: "name",
  shape: {
    ...commonFields,
    name: entityName("Unique name.").optional(),
    type: z
      .enum(["embeddings", "model", "redis-ce", "redis-ee", "vectordb"])
      .describe("Which block: `model` is an entry of `targets`, the others are named after theirs."),
    config: z
      .record(z.string(), z.unknown())
      .describe("Fields of that block. What it leaves out, the plugin that links it must give.")
      .optional(),
  },
});
