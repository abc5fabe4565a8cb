import { checkAiProxyAdvanced } from "../ai-proxy-advanced/checks.ts";
import { createChatPlugin } from "../ai-proxy-advanced/create.ts";
import { supported } from "../ai-proxy-advanced/plugin.ts";
import { targetOptions } from "../ai-proxy-advanced/target-options.ts";
import { definePlugin } from "../plugin.ts";
import { aiProxyConfig, toAdvanced } from "./config.ts";

/** The same engine with one target. */
export const aiProxy = definePlugin({
  name: "ai-proxy",
  summary: "Sends chat requests to one model.",
  config: aiProxyConfig,
  answers: true,
  partials: { model: { paths: [""], schema: targetOptions } },
  check: (config) =>
    checkAiProxyAdvanced(toAdvanced(config), supported).map((finding) => ({
      ...finding,
      path: stripTarget(finding.path),
    })),
  create: (config, services, meta) => createChatPlugin("ai-proxy", toAdvanced(config), services, meta),
});

/** The one target's fields stand at the top of this plugin's config. */
function stripTarget(path: readonly (string | number)[]): readonly (string | number)[] {
  return path[0] === "targets" ? path.slice(2) : path;
}
