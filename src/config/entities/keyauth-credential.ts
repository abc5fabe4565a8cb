/** Entity: a key by which a consumer is known. */
import { z } from "zod";
import type { Finding } from "../../plugins/plugin.ts";
import { auto, secret } from "../../util/field-notes.ts";
import { commonFields, defineEntity, reference } from "../entity.ts";

export const keyauthCredential = defineEntity({
  name: "keyauth_credential",
  plural: "keyauth_credentials",
  collection: "key-auths",
  nestedCollection: "key-auth",
  summary: "A key by which `key-auth` knows a consumer. Only its hash is kept.",
  uniqueFields: ["key"],
  generatedField: "key",
  shape: {
    ...commonFields,
    created_at: z
      .number()
      .min(0)
      .describe("Seconds since 1970; the time from which `ttl` counts.")
      .meta(auto)
      .optional(),
    key: z.string().min(1).describe("The key that clients send.").meta(secret),
    ttl: z
      .int()
      .min(0)
      .max(100_000_000)
      .describe("Seconds the key is good for, from `created_at`; 0: for ever.")
      .optional(),
    consumer: reference("Whose key it is; left out where it stands inside the consumer.").optional(),
  },
  references: { consumer: "consumer" },
  owner: "consumer",
  check({ created_at: createdAt, ttl = 0 }) {
    const findings: Finding[] = [];
    if (ttl > 0 && createdAt === undefined) {
      const message = "needs created_at beside it, or nobody could tell when the key ends";
      findings.push({ severity: "error", path: ["ttl"], message });
    }
    return findings;
  },
});
