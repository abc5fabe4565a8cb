/** Entity: where references to secrets lead. */
import { z } from "zod";
import { commonFields, defineEntity, entityName } from "../entity.ts";

/** What references of Kong's own vaults begin with (its page "Reserved entity names"). */
const reserved: readonly string[] = ["aws", "azure", "gcp", "hcv"];

export const vault = defineEntity({
  name: "vault",
  plural: "vaults",
  summary:
    "A place that references such as `{vault://my-env/key}` lead to. `env`, the environment, is the one known here.",
  nameField: "prefix",
  shape: {
    ...commonFields,
    name: entityName("Kind of the vault; `env` for now."),
    prefix: z
      .string()
      .regex(/^[a-z][a-z\d-]*[a-z\d]+$/, "must be of lower-case letters, digits and hyphens")
      .refine((prefix) => !reserved.includes(prefix), `must not be one of: ${reserved.join(", ")}`)
      .describe("What references call it by."),
    description: z.string().describe("A note.").optional(),
    config: z
      .looseObject({ prefix: z.string().describe("Put before every variable's name.").optional() })
      .describe("Settings of the vault.")
      .optional(),
  },
  check({ name }) {
    if (name === "env") return [];
    const message = `vault ${name} accepted, not acted on yet: a reference to it is an error (supported: env)`;
    return [{ severity: "notice", path: ["name"], message }];
  },
});
