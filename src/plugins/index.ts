/** The plugins of this build; their order is the order they run in. Adding one: its file and a line at its place. */

import { aiProxy } from "./ai-proxy/plugin.ts";
import { aiProxyAdvanced } from "./ai-proxy-advanced/plugin.ts";
import { aiRateLimitingAdvanced } from "./ai-rate-limiting-advanced/plugin.ts";
import { fileLog } from "./file-log/plugin.ts";
import { httpLog } from "./http-log/plugin.ts";
import { keyAuth } from "./key-auth/plugin.ts";
import { opentelemetry } from "./opentelemetry/plugin.ts";
import type { PluginDefinition } from "./plugin.ts";
import { prometheus } from "./prometheus/plugin.ts";

export const plugins: readonly PluginDefinition[] = [
  keyAuth,
  aiRateLimitingAdvanced,
  aiProxyAdvanced,
  aiProxy,
  opentelemetry,
  prometheus,
  httpLog,
  fileLog,
];
