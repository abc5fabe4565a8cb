/** Vendors that can be called without an adapter of their own, since they also offer OpenAI's API. */
import type { ProviderName } from "./names.ts";

/** Where each offers it, as its documentation says; capitals stand for what is the user's own. */
const addresses: { readonly [Name in ProviderName]?: string } = {
  azure: "https://INSTANCE.openai.azure.com/openai/v1/chat/completions",
  cerebras: "https://api.cerebras.ai/v1/chat/completions",
  cohere: "https://api.cohere.ai/compatibility/v1/chat/completions",
  dashscope: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions",
  databricks: "https://WORKSPACE.cloud.databricks.com/serving-endpoints/chat/completions",
  deepseek: "https://api.deepseek.com/chat/completions",
  gemini: "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
  huggingface: "https://router.huggingface.co/v1/chat/completions",
  llama2: "http://HOST:PORT/v1/chat/completions",
  mistral: "https://api.mistral.ai/v1/chat/completions",
  ollama: "http://HOST:11434/v1/chat/completions",
  vllm: "http://HOST:8000/v1/chat/completions",
  xai: "https://api.x.ai/v1/chat/completions",
};

/** How to reach a vendor's chat models through the provider `openai`; undefined where there is no such way. */
export function compatibleWay(provider: string): string | undefined {
  const address = addresses[provider as ProviderName]; // any other name finds nothing
  if (address === undefined) return undefined;
  return `its OpenAI-compatible API can be used: provider openai, with model.options.upstream_url ${address}`;
}
