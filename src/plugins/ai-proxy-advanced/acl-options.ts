/** The block `acls`: who may use the models. */
import { z } from "zod";

const match = z.strictObject({
  type: z
    .enum(["consumer", "consumer_group", "header", "ip", "model", "path", "provider"])
    .describe("What is compared."),
  key: z
    .string()
    .describe("Consumer: `id` or `username`. Consumer group: `id` or `name`. Header: its name.")
    .optional(),
  values: z.array(z.string()).min(1).describe("Values of which one must be equal."),
});

const rule = z.strictObject({ match: z.array(match).min(1).describe("Conditions that must all hold.") });

export const aclOptions = z
  .strictObject({
    allow: z.array(rule).min(1).describe("Rules of which one must hold.").optional(),
    deny: z.array(rule).min(1).describe("Rules of which none may hold; comes before `allow`.").optional(),
  })
  .describe("Who may use the models. Refused by this version: ignoring it would open what it closes.");
