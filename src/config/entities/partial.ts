/** Entity: a piece of configuration that plugins share. */
import { z } from "zod";
import { commonFields, defineEntity } from "../entity.ts";

export const partial = defineEntity({
  name: "partial",
  plural: "partials",
  summary: "A piece of configuration that plugins share.",
  nameField: "name",
  shape: {
    ...commonFields,
    name: z.string().min(1).describe("Unique name.").optional(),
    type: z.enum(["embeddings", "model", "redis-ce", "redis-ee", "vectordb"]).describe("Which piece."),
    config: z.record(z.string(), z.unknown()).describe("The piece.").optional(),
  },
  isPlanned: true,
});
