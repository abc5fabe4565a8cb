/** The config of `ai-proxy`: one target with its fields at the top level, run by the engine of `ai-proxy-advanced`. */
import { z } from "zod";
import { balancerOptions } from "../../balancer/options.ts";
import { authOptions } from "../../providers/auth-options.ts";
import { canonicalFormat, llmFormats } from "../../providers/llm-formats.ts";
import { stateOptions } from "../../shared-state/options.ts";
import { sluiceAddition } from "../../util/field-notes.ts";
import {
  type AiProxyAdvancedConfig,
  aiProxyAdvancedConfig,
  categories,
} from "../ai-proxy-advanced/config.ts";
import { savingsOptions } from "../ai-proxy-advanced/savings-options.ts";
import { loggingOptions, optionsMode, routeTypes, targetModel } from "../ai-proxy-advanced/target-options.ts";

const { max_request_body_size, model_name_header, response_streaming } = aiProxyAdvancedConfig.shape;

export const aiProxyConfig = z.strictObject({
  route_type: z.enum(routeTypes).describe("The operation this route offers."),
  model: targetModel,
  auth: authOptions.prefault({}),
  logging: loggingOptions.prefault({}),
  genai_category: z
    .enum(categories)
    .exclude(["realtime/generation"])
    .default("text/generation")
    .describe("Kind of traffic; must suit `route_type`."),
  llm_format: z.enum(llmFormats).default(canonicalFormat).describe("Wire format that clients speak."),
  max_request_body_size,
  model_name_header,
  response_streaming,
  options_mode: optionsMode
    .default("default")
    .describe(
      "`default`: a client's temperature, top_p and top_k win and its max_tokens can only lower the target's. " +
        "`enforce`: what the config sets wins.",
    )
    .meta(sluiceAddition),
});

/** The config after validation, defaults filled in. */
export type AiProxyConfig = z.output<typeof aiProxyConfig>;

/** The same as a config of the engine: one target, nothing to choose. Pure. */
export function toAdvanced(config: AiProxyConfig): AiProxyAdvancedConfig {
  const { auth, logging, model, route_type, ...rest } = config;
  return {
    ...rest,
    targets: [{ auth, logging, model, route_type, weight: 100 }],
    balancer: balancerOptions.parse({}),
    savings: savingsOptions.parse({}),
    state: stateOptions.parse({}),
    on_error: "fallback",
  };
}
