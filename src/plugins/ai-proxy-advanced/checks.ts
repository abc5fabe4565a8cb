/** Cross-field checks of an `ai-proxy-advanced` config that the schema has accepted. Kong's message texts where it has any. */
import { checkEmbeddings } from "../../embedders/options.ts";
import { canonicalFormat } from "../../providers/llm-formats.ts";
import { checkTarget } from "../../providers/target-checks.ts";
import { checkState } from "../../shared-state/options.ts";
import { type OptionFault, within } from "../../util/option-rules.ts";
import { checkVectordb } from "../../vector-stores/options.ts";
import type { Finding } from "../plugin.ts";
import { checkCategory, checkModelHeader } from "./category-checks.ts";
import type { AiProxyAdvancedConfig } from "./config.ts";
import { checkSavings } from "./savings-options.ts";
import { checkSemantic } from "./semantic-checks.ts";
import type { TargetOptions } from "./target-options.ts";

/** What this build has members for; handed in by whoever wires the plugin, since a member knows no list. */
export interface SupportedNames {
  readonly providers: readonly string[];
  readonly algorithms: readonly string[];
  readonly embedders: readonly string[];
  readonly vectorStores: readonly string[];
  readonly routeTypes: readonly string[];
  /** How else to reach a provider that is not among them. */
  readonly otherWay?: (provider: string) => string | undefined;
  /** Default: the canonical format alone. */
  readonly llmFormats?: readonly string[];
  /** Whether the price of a target is known; default: where the config sets both of its prices. */
  readonly isPriced?: (target: TargetOptions) => boolean;
}

/**
 * Everything wrong or doubtful in `config`, in no particular order; paths are relative to the plugin's `config`.
 * Fields that are accepted but not acted on are marked in the schema (`planned`) and are the loader's to report,
 * because only the loader knows which of them the file really sets.
 */
export function checkAiProxyAdvanced(
  config: AiProxyAdvancedConfig,
  supported: SupportedNames,
): readonly Finding[] {
  return [
    ...checkSupport(config, supported),
    ...errors(config.targets.flatMap((target, index) => within(["targets", index], checkTarget(target)))),
    ...errors(config.embeddings ? within(["embeddings"], checkEmbeddings(config.embeddings)) : []),
    ...errors(config.vectordb ? within(["vectordb"], checkVectordb(config.vectordb)) : []),
    ...errors(within(["state"], checkState(config.state))),
    ...errors(within(["savings"], checkSavings(config.savings, config.targets))),
    ...errors(checkCategory(config)),
    ...errors(checkModelHeader(config)),
    ...errors(checkCosts(config, supported.isPriced)),
    ...checkFailover(config),
    ...checkAccuracy(config),
    ...(config.balancer.algorithm === "semantic" ? checkSemantic(config) : []),
  ];
}

/** Names the schema knows but this build has no member for: refused, since nothing else would mean the same. */
function checkSupport(config: AiProxyAdvancedConfig, supported: SupportedNames): readonly Finding[] {
  const { balancer, embeddings, targets, vectordb } = config;
  const faults = [
    ...unsupported(["balancer", "algorithm"], balancer.algorithm, supported.algorithms),
    ...unsupported(["llm_format"], config.llm_format, supported.llmFormats ?? [canonicalFormat]),
    ...targets.flatMap((target, index) => [
      ...unsupported(["targets", index, "route_type"], target.route_type, supported.routeTypes),
      ...unsupported(
        ["targets", index, "model", "provider"],
        target.model.provider,
        supported.providers,
        target.route_type === "llm/v1/chat" ? supported.otherWay?.(target.model.provider) : undefined,
      ),
    ]),
    ...(embeddings
      ? unsupported(["embeddings", "model", "provider"], embeddings.model.provider, supported.embedders)
      : []),
    ...(vectordb ? unsupported(["vectordb", "strategy"], vectordb.strategy, supported.vectorStores) : []),
  ];
  if (config.acls !== undefined) {
    const message =
      "access rules are not supported by this version, and ignoring them would open what they close: remove the block";
    faults.push({ path: ["acls"], message });
  }
  return errors(faults);
}

function unsupported(
  path: OptionFault["path"],
  name: string,
  known: readonly string[],
  advice?: string,
): readonly OptionFault[] {
  if (known.includes(name)) return [];
  return [
    {
      path,
      message: `\`${name}\` is not supported by this version (supported: ${known.join(", ") || "none"})${advice === undefined ? "" : `; ${advice}`}`,
    },
  ];
}

/** `lowest-usage` by cost has nothing to compare without prices; the price table's will do. */
function checkCosts(
  { balancer, targets }: AiProxyAdvancedConfig,
  isPriced: SupportedNames["isPriced"],
): readonly OptionFault[] {
  if (balancer.algorithm !== "lowest-usage" || balancer.tokens_count_strategy !== "cost") return [];
  return targets.flatMap((target, index) =>
    isPriced?.(target) === true
      ? []
      : (["input_cost", "output_cost"] as const)
          .filter((field) => target.model.options[field] === undefined)
          .map((field) => ({
            path: ["targets", index, "model", "options", field],
            message: `must set 'model.options.${field}' when tokens_count_strategy is cost`,
          })),
  );
}

/** Balancing by accuracy is there; a plugin that judges answers is not yet. */
function checkAccuracy({ balancer }: AiProxyAdvancedConfig): readonly Finding[] {
  if (balancer.algorithm !== "lowest-usage" || balancer.tokens_count_strategy !== "llm-accuracy") return [];
  return [
    {
      severity: "notice",
      path: ["balancer", "tokens_count_strategy"],
      message:
        "llm-accuracy needs scores, and nothing in this version gives any: until a plugin judges answers, requests are shared by weight",
    },
  ];
}

/** nginx's rule: a POST that was sent is not sent again unless `non_idempotent` is listed, and every model call is one. */
function checkFailover({ balancer }: AiProxyAdvancedConfig): readonly Finding[] {
  const statuses = balancer.failover_criteria.filter((criterion) => criterion.startsWith("http_"));
  if (statuses.length === 0 || balancer.failover_criteria.includes("non_idempotent")) return [];
  return [
    {
      severity: "warning",
      path: ["balancer", "failover_criteria"],
      message: `${statuses.join(", ")} cannot take effect without non_idempotent: model calls are POST requests, which are not sent twice otherwise`,
    },
  ];
}

function errors(faults: readonly OptionFault[]): readonly Finding[] {
  return faults.map((fault) => ({ severity: "error", ...fault }));
}
