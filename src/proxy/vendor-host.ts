/** Whether a call goes to the vendor itself, whose price list then holds for it. */
import type { Provider, UpstreamModel } from "../providers/provider.ts";

/**
 * False where `upstream_url` leads to another host than the provider's own: whoever answers there, a server of one's own,
 * a proxy, a region with a surcharge, has prices of their own.
 */
export function isVendorsHost(provider: Provider, { name, options }: UpstreamModel): boolean {
  const { upstream_url: url, ...own } = options;
  if (url === undefined) return true;
  const host = hostOf(url);
  return host !== undefined && host === vendorsHost(provider, { name, options: own });
}

function vendorsHost(provider: Provider, model: UpstreamModel): string | undefined {
  try {
    return hostOf(provider.endpoint("chat", model));
  } catch {
    return undefined; // a provider of self-hosted models has no host of its own to tell
  }
}

function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}
