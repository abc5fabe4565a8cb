/** What the semantic algorithm needs, and what it will do that its author may not expect. */
import { isLocalEmbedder } from "../../embedders/options.ts";
import { defaultVectordb } from "../../vector-stores/options.ts";
import type { Finding } from "../plugin.ts";
import { type AiProxyAdvancedConfig, semanticSettings } from "./config.ts";
import { catchAll } from "./target-options.ts";

/** Only for configs whose algorithm is `semantic`. */
export function checkSemantic(config: AiProxyAdvancedConfig): readonly Finding[] {
  return [
    ...checkThreshold(config),
    ...checkEmbeddingBlocks(config),
    ...checkDescriptions(config),
    ...checkLookalikes(config),
  ];
}

function checkThreshold({ vectordb }: AiProxyAdvancedConfig): readonly Finding[] {
  if (vectordb === undefined) {
    const message = `without a vectordb block vectors stay in memory and the threshold is ${defaultVectordb.threshold}; add the block to choose`;
    return [{ severity: "notice", path: ["vectordb"], message }];
  }
  const path = ["vectordb", "threshold"];
  const { threshold } = vectordb;
  if (threshold === undefined) {
    const message =
      "is required for the semantic algorithm: the largest distance at which a description still matches, e.g. 0.7";
    return [{ severity: "error", path, message }];
  }
  if (threshold >= 0 && threshold <= 1) return [];
  const effect = threshold < 0 ? "nothing can match" : "nearly everything matches";
  return [
    {
      severity: "warning",
      path,
      message: `is a distance and usually lies between 0 and 1; at this value ${effect}`,
    },
  ];
}

function checkEmbeddingBlocks(config: AiProxyAdvancedConfig): readonly Finding[] {
  const findings: Finding[] = [];
  if (config.embeddings === undefined) {
    const message =
      "without an embeddings block the model inside the process embeds; add the block to choose another";
    findings.push({ severity: "notice", path: ["embeddings"], message });
  }
  if (config.vectordb?.dimensions !== undefined && isLocalEmbedder(semanticSettings(config).embeddings)) {
    const message = "dimensions comes from the local model; the value is ignored";
    findings.push({ severity: "warning", path: ["vectordb", "dimensions"], message });
  }
  return findings;
}

function checkDescriptions({ targets }: AiProxyAdvancedConfig): readonly Finding[] {
  const findings: Finding[] = [];
  for (const [index, { description }] of targets.entries()) {
    const path = ["targets", index, "description"];
    if (description === undefined || description.trim() === "") {
      const message = `is required for the semantic algorithm: say what prompts this target is for, or ${catchAll}`;
      findings.push({ severity: "error", path, message });
    } else if (description !== catchAll && description.trim().toUpperCase() === catchAll) {
      const message = `is matched like any other text; only the exact word ${catchAll} takes what nothing else matches`;
      findings.push({ severity: "warning", path, message });
    }
  }
  if (targets.every(({ description }) => description === catchAll)) {
    const message = `at least one target must have a description other than ${catchAll} for the semantic algorithm`;
    findings.push({ severity: "error", path: ["targets"], message });
  }
  if (targets.every(({ description }) => description !== catchAll)) {
    const message = `no target is described as ${catchAll}: a prompt that matches nothing is answered with 503`;
    findings.push({ severity: "warning", path: ["targets"], message });
  }
  return findings;
}

/** Descriptions form a group only when equal to the byte, so a stray space silently splits one. */
function checkLookalikes({ targets }: AiProxyAdvancedConfig): readonly Finding[] {
  const seen = new Map<string, { readonly index: number; readonly description: string }>();
  const findings: Finding[] = [];
  for (const [index, { description }] of targets.entries()) {
    if (description === undefined) continue;
    const folded = description.trim().toLowerCase();
    const earlier = seen.get(folded);
    if (earlier === undefined) seen.set(folded, { index, description });
    else if (earlier.description !== description && folded !== catchAll.toLowerCase()) {
      const message = `differs from targets[${earlier.index}].description only in spaces or letter case, so the two are separate groups`;
      findings.push({ severity: "warning", path: ["targets", index, "description"], message });
    }
  }
  return findings;
}
