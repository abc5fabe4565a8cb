/** The block `auth`: the credential a call to a vendor carries. The same for chat models and embedding models. */
import { z } from "zod";
import { secret } from "../util/field-notes.ts";
import { allOrNone, type OptionFault } from "../util/option-rules.ts";

const text = (description: string) => z.string().describe(description).optional();
const secretText = (description: string) => z.string().describe(description).meta(secret).optional();

export const authOptions = z
  .strictObject({
    header_name: z
      .string()
      .describe("Header that carries the credential, e.g. `Authorization` or `x-api-key`.")
      .optional(),
    header_value: z
      .string()
      .describe("The header's whole value, with `Bearer ` in front where the vendor wants it.")
      .meta(secret)
      .optional(),
    param_name: z.string().describe("Parameter that carries the credential.").optional(),
    param_value: z.string().describe("The parameter's value.").meta(secret).optional(),
    param_location: z
      .enum(["query", "body"])
      .describe("Where the parameter goes: into the query string or the JSON body.")
      .optional(),
    allow_override: z
      .boolean()
      .default(false)
      .describe("When the client sends that header or parameter itself, keep the client's value."),
    azure_use_managed_identity: z
      .boolean()
      .default(false)
      .describe("Sign in with Azure's managed identity, or with the client below."),
    azure_client_id: text(
      "Client of a user-assigned managed identity, or the client that has the secret below.",
    ),
    azure_client_secret: secretText("Secret of that client."),
    azure_tenant_id: text("Tenant of that client."),
    gcp_use_service_account: z
      .boolean()
      .default(false)
      .describe("Sign in with a Google Cloud service account, or the machine's own identity."),
    gcp_service_account_json: secretText("The service account's JSON; `GCP_SERVICE_ACCOUNT` when unset."),
    gcp_metadata_url: text("Address of Google Cloud's metadata service, in place of the usual one."),
    gcp_oauth_token_url: text("Address that hands out Google Cloud's tokens, in place of the usual one."),
    aws_access_key_id: secretText("Access key, in place of `AWS_ACCESS_KEY_ID`."),
    aws_secret_access_key: secretText("Secret of the access key, in place of `AWS_SECRET_ACCESS_KEY`."),
  })
  .describe(
    "The credential the vendor wants. Without it the client's own `Authorization` header passes through.",
  );

export type AuthOptions = z.output<typeof authOptions>;

/** Header and parameter credentials are whole or absent. Paths and names are relative to the block's parent. */
export function checkAuth(auth: AuthOptions | undefined): readonly OptionFault[] {
  return [
    ...allOrNone(auth, ["header_name", "header_value"], ["auth"]),
    ...allOrNone(auth, ["param_name", "param_value", "param_location"], ["auth"]),
  ];
}
