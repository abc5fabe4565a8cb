/** Blocks of `options` that belong to one vendor each, shared by chat models and embedding models. */
import { z } from "zod";
import { allOrNone, type OptionFault } from "../util/option-rules.ts";

const text = (description: string) => z.string().describe(description).optional();
const flag = (description: string) => z.boolean().describe(description).optional();

export const bedrockOptions = z.strictObject({
  aws_region: text("Region to call, instead of the one in `AWS_REGION`."),
  aws_assume_role_arn: text("Role to assume after signing in. Goes with `aws_role_session_name`."),
  aws_role_session_name: text("Name of the assumed role's session. Goes with `aws_assume_role_arn`."),
  aws_sts_endpoint_url: text("Address of the STS service that hands out the role's credentials."),
  embeddings_normalize: z.boolean().default(false).describe("Ask for embeddings of length 1."),
  performance_config_latency: text(
    "Fixed value of the vendor's latency setting; left to the client when unset.",
  ),
  video_output_s3_uri: text("Where generated videos are stored: `s3://bucket/prefix`."),
  batch_bucket_prefix: text("Where batch jobs read and write: `s3://bucket/prefix/`."),
  batch_role_arn: text("Role that batch jobs run as; taken from the request when unset."),
});

/** Vertex AI; all three fields or none. */
export const vertexOptions = z.strictObject({
  api_endpoint: text("Regional host name of Vertex AI, without scheme."),
  project_id: text("Google Cloud project."),
  location_id: text("Google Cloud location, e.g. `us-central1`."),
});

export const geminiOptions = vertexOptions.extend({
  endpoint_id: text("Endpoint in Vertex AI's Model Garden."),
});

export const huggingfaceOptions = z.strictObject({
  use_cache: flag("Let the vendor answer from its cache."),
  wait_for_model: flag("Wait until the vendor has loaded the model, instead of failing."),
});

export const cohereOptions = z.strictObject({
  embedding_input_type: z
    .enum(["classification", "clustering", "image", "search_document", "search_query"])
    .default("classification")
    .describe("What the embedded text will be used for."),
  wait_for_model: flag("Wait until the vendor has loaded the model, instead of failing."),
});

export const dashscopeOptions = z.strictObject({
  international: z
    .boolean()
    .default(true)
    .describe("Call the international host instead of the Chinese one."),
});

export const databricksOptions = z.strictObject({
  workspace_instance_id: text("Workspace that serves the model, e.g. `dbc-xxx-yyy`."),
});

interface VendorBlocks {
  readonly bedrock?: z.output<typeof bedrockOptions> | undefined;
  readonly gemini?: z.output<typeof vertexOptions> | undefined;
}

/** Fields that only make sense together. */
export function checkVendorBlocks(options: VendorBlocks, at: readonly string[]): readonly OptionFault[] {
  return [
    ...allOrNone(options.bedrock, ["aws_assume_role_arn", "aws_role_session_name"], [...at, "bedrock"]),
    ...allOrNone(options.gemini, ["api_endpoint", "project_id", "location_id"], [...at, "gemini"]),
  ];
}
