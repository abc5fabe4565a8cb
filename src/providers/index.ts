/** THE list of providers: a new one is a file and a line here. */
import { anthropic } from "./anthropic/provider.ts";
import { openai } from "./openai.ts";
import type { Provider } from "./provider.ts";

export const providers = [openai, anthropic] as const;

/** The adapter for a value of `model.provider`; undefined for a vendor that the schema knows and we do not serve yet. */
export function findProvider(name: string): Provider | undefined {
  return providers.find((provider) => provider.name === name);
}
