/** What a vendor cannot do without, or cannot do, judged from a target's settings. Texts are Kong's. */
import { type OptionFault, required } from "../util/option-rules.ts";
import { type AuthOptions, checkAuth } from "./auth-options.ts";
import type { ModelOptions } from "./model-options.ts";
import type { ProviderName } from "./names.ts";
import { checkVendorBlocks } from "./vendor-options.ts";

interface TargetSettings {
  readonly route_type: string;
  readonly auth: AuthOptions;
  readonly logging: { readonly log_statistics: boolean };
  readonly model: { readonly provider: ProviderName; readonly options: ModelOptions };
}

const optionsPath = ["model", "options"];

/** Options by the vendor that demands them. */
const demanded: { readonly [Name in ProviderName]?: readonly (keyof ModelOptions)[] } = {
  anthropic: ["anthropic_version"],
  azure: ["azure_instance", "azure_api_version", "azure_deployment_id"],
  llama2: ["llama2_format"],
  mistral: ["mistral_format"],
};

/** Vendors without a host of their own. */
const selfHosted: readonly ProviderName[] = ["llama2", "vllm"];

/** Vendors whose credentials sign the request, so that a client's own value cannot stand in. */
const signing: readonly ProviderName[] = ["bedrock", "gemini"];

/** Route types a vendor reports no usage for. */
const withoutStatistics: { readonly [Name in ProviderName]?: readonly string[] } = {
  anthropic: ["llm/v1/completions"],
};

/** Faults of one target; paths are relative to it. */
export function checkTarget(target: TargetSettings): readonly OptionFault[] {
  const { provider, options } = target.model;
  return [
    ...required(options, demanded[provider] ?? [], optionsPath, `${provider} provider`),
    ...(selfHosted.includes(provider)
      ? required(options, ["upstream_url"], optionsPath, "self-hosted providers/models")
      : []),
    ...checkAuth(target.auth),
    ...checkOverride(target),
    ...checkVendorBlocks(options, optionsPath),
    ...checkStatistics(target),
  ];
}

/** Signed credentials cannot give way to a client's. */
function checkOverride({ auth, model }: Pick<TargetSettings, "auth" | "model">): readonly OptionFault[] {
  if (!signing.includes(model.provider) || !auth.allow_override) return [];
  return [
    {
      path: ["auth", "allow_override"],
      message: "bedrock and gemini only support auth.allow_override = false",
    },
  ];
}

function checkStatistics({ logging, model, route_type: routeType }: TargetSettings): readonly OptionFault[] {
  if (!logging.log_statistics || !withoutStatistics[model.provider]?.includes(routeType)) return [];
  const message = `${model.provider} does not support statistics when route_type is ${routeType}`;
  return [{ path: ["logging", "log_statistics"], message }];
}
