/** Entity: who calls. */
import { z } from "zod";
import { secret } from "../../util/field-notes.ts";
import { commonFields, defineEntity } from "../entity.ts";

const credentials = (description: string) =>
  z.array(z.record(z.string(), z.unknown())).describe(description).meta(secret).optional();

export const consumer = defineEntity({
  name: "consumer",
  plural: "consumers",
  summary: "Somebody who calls: an application or a person.",
  nameField: "username",
  shape: {
    ...commonFields,
    username: z.string().min(1).describe("Unique name.").optional(),
    custom_id: z.string().min(1).describe("Its name in another system.").optional(),
    groups: z
      .array(
        z.union([z.string(), z.strictObject({ name: z.string().optional(), id: z.string().optional() })]),
      )
      .describe("Groups it belongs to.")
      .optional(),
    keyauth_credentials: credentials("Keys for `key-auth`."),
    basicauth_credentials: credentials("Passwords for `basic-auth`."),
    hmacauth_credentials: credentials("Secrets for `hmac-auth`."),
    jwt_secrets: credentials("Secrets for `jwt`."),
    oauth2_credentials: credentials("Clients for `oauth2`."),
    mtls_auth_credentials: credentials("Names in certificates for `mtls-auth`."),
    acls: z.array(z.record(z.string(), z.unknown())).describe("Groups for `acl`.").optional(),
  },
  children: { plugins: "plugin" },
  isPlanned: true,
  check({ custom_id: customId, username }) {
    if (username !== undefined || customId !== undefined) return [];
    return [{ severity: "error", path: [], message: "must set 'username' or 'custom_id'" }];
  },
});
