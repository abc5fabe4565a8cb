/** Entity: consumers that are treated alike. */
import { z } from "zod";
import { commonFields, defineEntity } from "../entity.ts";

export const consumerGroup = defineEntity({
  name: "consumer_group",
  plural: "consumer_groups",
  summary: "Consumers that are treated alike.",
  nameField: "name",
  shape: {
    ...commonFields,
    name: z.string().min(1).describe("Unique name."),
    consumers: z
      .array(
        z.union([z.string(), z.strictObject({ username: z.string().optional(), id: z.string().optional() })]),
      )
      .describe("Its members.")
      .optional(),
  },
  children: { plugins: "plugin" },
  isPlanned: true,
});
