/** Entity: who calls. */
import { z } from "zod";
import { fileOnly, planned, secret } from "../../util/field-notes.ts";
import { commonFields, defineEntity, references } from "../entity.ts";

const credentials = (description: string) =>
  z
    .array(z.record(z.string(), z.unknown()))
    .describe(description)
    .meta({ ...secret, ...planned, ...fileOnly })
    .optional();

/** Both names are told to upstreams in headers. */
const name = (description: string) =>
  z
    .string()
    .min(1)
    .regex(/^\P{Cc}*$/u, "must not have control characters in it")
    .describe(description)
    .optional();

export const consumer = defineEntity({
  name: "consumer",
  plural: "consumers",
  summary: "Somebody who calls: an application or a person.",
  nameField: "username",
  uniqueFields: ["custom_id"],
  shape: {
    ...commonFields,
    username: name("Unique name."),
    custom_id: name("Its name in another system; unique too."),
    groups: references(["name"], "Groups it belongs to, beside those that list it themselves.")
      .meta(fileOnly)
      .optional(),
    basicauth_credentials: credentials("Passwords for `basic-auth`."),
    hmacauth_credentials: credentials("Secrets for `hmac-auth`."),
    jwt_secrets: credentials("Secrets for `jwt`."),
    oauth2_credentials: credentials("Clients for `oauth2`."),
    mtls_auth_credentials: credentials("Names in certificates for `mtls-auth`."),
    acls: z
      .array(z.record(z.string(), z.unknown()))
      .describe("Groups for `acl`.")
      .meta({ ...planned, ...fileOnly })
      .optional(),
  },
  references: { groups: "consumer_group" },
  children: { keyauth_credentials: "keyauth_credential", plugins: "plugin" },
  check({ custom_id: customId, username }) {
    if (username !== undefined || customId !== undefined) return [];
    return [{ severity: "error", path: [], message: "must set 'username' or 'custom_id'" }];
  },
});
