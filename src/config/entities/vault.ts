/** Entity: where references to secrets lead. */
import { z } from "zod";
import { commonFields, defineEntity } from "../entity.ts";

export const vault = defineEntity({
  name: "vault",
  plural: "vaults",
  summary:
    "A place that references such as `{vault://my-env/key}` lead to. `env`, the environment, is the one known here.",
  nameField: "prefix",
  shape: {
    ...commonFields,
    name: z.string().min(1).describe("Kind of the vault; `env` for now."),
    prefix: z
      .string()
      .regex(/^[a-z][a-z\d-]*[a-z\d]+$/, "must be of lower-case letters, digits and hyphens")
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
