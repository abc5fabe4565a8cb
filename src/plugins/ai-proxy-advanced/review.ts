/** Advice on a config that takes a look at its meaning, not only at its form. */
import { catchallDescription } from "../../balancer/groups.ts";
import { loadLocalModel } from "../../embedders/local/model.ts";
import { dot } from "../../util/vector.ts";
import type { Finding } from "../plugin.ts";
import type { AiProxyAdvancedConfig } from "./config.ts";

/**
 * Cosine of the local model from which two descriptions are taken to say the same. The local model judges whatever
 * embedder is configured: it needs no network, and what it cannot tell apart others hardly can. A choice: rewordings
 * of one topic ("IT support" / "Requests related to IT support") lie above, neighbouring topics below.
 */
const sameMeaning = 0.9;

/** Warns of every two groups whose descriptions are nearly the same. */
export function reviewDescriptions(config: AiProxyAdvancedConfig): readonly Finding[] {
  if (config.balancer.algorithm !== "semantic") return [];
  const first = new Map<string, number>();
  for (const [index, { description }] of config.targets.entries()) {
    const text = description?.trim() ?? "";
    if (text !== "" && text !== catchallDescription && !first.has(text)) first.set(text, index);
  }
  const model = loadLocalModel();
  const groups = [...first].map(([text, index]) => ({ text, index, vector: model.embed(text) }));
  const findings: Finding[] = [];
  for (const [at, group] of groups.entries()) {
    for (const earlier of groups.slice(0, at)) {
      const similarity = dot(group.vector, earlier.vector);
      if (similarity < sameMeaning) continue;
      findings.push({
        severity: "warning",
        path: ["targets", group.index, "description"],
        message: `means nearly the same as "${earlier.text}" (similarity ${similarity.toFixed(2)}), so that prompts may go to either: use the very same text to form one group, or tell them apart`,
      });
    }
  }
  return findings;
}
