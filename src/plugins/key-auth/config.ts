/** The config of `key-auth`. Kong's fields, and two of ours. */
import { z } from "zod";
import { planned, sluiceAddition } from "../../util/field-notes.ts";
import type { Finding } from "../plugin.ts";

export const keyAuthConfig = z.strictObject({
  key_names: z
    .array(
      z
        .string()
        .regex(/^[\w-]+$/, "must be made of letters, digits, hyphens and underscores, as header names are"),
    )
    .default(["apikey"])
    .describe("Names under which the key is looked for: of headers, parameters and fields of the body."),
  key_in_header: z.boolean().default(true).describe("Look for the key among the headers."),
  key_in_query: z.boolean().default(true).describe("Look for the key among the parameters of the URL."),
  key_in_body: z
    .boolean()
    .default(false)
    .describe(
      "Look for the key in the body: JSON, a form or `multipart/form-data`. The body is then read whole before it goes on.",
    ),
  key_in_bearer: z
    .boolean()
    .default(true)
    .describe(
      "Where no name gives a key, take the one in `Authorization: Bearer …`, which is where the SDKs of model vendors put it.",
    )
    .meta(sluiceAddition),
  hide_credentials: z
    .boolean()
    .default(true)
    .describe("Take the key out before the request goes on to the service. A vendor never gets it."),
  anonymous: z
    .string()
    .describe(
      "Consumer, by id or username, that everybody is taken for who shows no good key; else they get 401.",
    )
    .optional(),
  realm: z.string().describe("Told in the header `WWW-Authenticate` of a 401.").optional(),
  run_on_preflight: z
    .boolean()
    .default(true)
    .describe("Ask `OPTIONS` requests for a key too; off, they pass, as browsers' preflights need."),
  identity_realms: z
    .array(
      z.strictObject({
        id: z.string().describe("The realm's id.").optional(),
        region: z.string().describe("Where it is.").optional(),
        scope: z.enum(["cp", "realm"]).default("cp").describe("Whose consumers are meant.").optional(),
      }),
    )
    .describe("Where else consumers are looked up; here they are those of the file alone.")
    .meta(planned)
    .optional(),
  principals: z
    .strictObject({
      enabled: z
        .boolean()
        .default(false)
        .describe("Look keys up in a directory service in place of the file. Refused by this version."),
      directory: z.string().default("default").describe("Which directory.").meta(planned),
      error_on_miss: z
        .boolean()
        .default(true)
        .describe("Answer 401 where the directory does not know the key.")
        .meta(planned),
    })
    .describe("Keys that a directory service knows.")
    .optional(),
  max_request_body_size: z
    .int()
    .min(0)
    .default(1_048_576)
    .describe("Largest body that is read for `key_in_body`, in bytes; 0 sets no limit.")
    .meta(sluiceAddition),
});

/** The config after validation, defaults filled in. */
export type KeyAuthConfig = z.output<typeof keyAuthConfig>;

/** What the schema alone cannot say. */
export function checkKeyAuth(config: KeyAuthConfig): readonly Finding[] {
  const { key_in_bearer, key_in_body, key_in_header, key_in_query, key_names, principals, realm } = config;
  const findings: Finding[] = [];
  if (principals?.enabled === true) {
    const message =
      "is not supported by this version, and ignoring it would let in others than those it means";
    findings.push({ severity: "error", path: ["principals", "enabled"], message });
  }
  const looksByName = key_names.length > 0 && (key_in_header || key_in_query || key_in_body);
  if (!looksByName && !key_in_bearer) {
    const message =
      "looks for a key nowhere: give names, and switch on one of key_in_header, key_in_query, …";
    findings.push({ severity: "error", path: ["key_names"], message });
  }
  if (realm !== undefined && !/^[\x20-\x7e]*$/.test(realm)) {
    const message = "must be plain ASCII, since it is sent in a header";
    findings.push({ severity: "error", path: ["realm"], message });
  }
  return findings;
}
