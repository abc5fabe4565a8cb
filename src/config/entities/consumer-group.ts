/** Entity: consumers that are treated alike. */
import { z } from "zod";
import { fileOnly } from "../../util/field-notes.ts";
import { commonFields, defineEntity, references } from "../entity.ts";

export const consumerGroup = defineEntity({
  name: "consumer_group",
  plural: "consumer_groups",
  summary: "Consumers that are treated alike.",
  nameField: "name",
  shape: {
    ...commonFields,
    // Kong publishes no rule for it, as it does for other names.
    name: z.string().min(1).describe("Unique name."),
    consumers: references(
      ["username", "custom_id"],
      "Its members, beside those that name the group themselves.",
    )
      .meta(fileOnly)
      .optional(),
  },
  references: { consumers: "consumer" },
  children: { plugins: "plugin" },
});
