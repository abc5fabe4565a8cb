/** What a target costs as far as it is known before there is a request. */
import type { TargetPrice, TargetPrices } from "../accounting/target-price.ts";
import type { ModelOptions } from "../providers/model-options.ts";
import type { Provider } from "../providers/provider.ts";
import { isVendorsHost } from "./vendor-host.ts";

interface PricedTarget {
  readonly provider: Provider;
  /** Undefined: the client names the model. */
  readonly modelName: string | undefined;
  readonly options: ModelOptions;
  readonly prices: TargetPrices;
}

/** The config's price alone where each request may mean another model or host. */
export function priceAtLoad({ provider, modelName, options, prices }: PricedTarget): TargetPrice | undefined {
  const isFixed = modelName !== undefined && !hasTemplate(modelName) && !hasTemplate(options.upstream_url);
  return isFixed
    ? prices.of(modelName, isVendorsHost(provider, { name: modelName, options }))
    : prices.of("", false);
}

function hasTemplate(text: string | undefined): boolean {
  return text?.includes("$(") === true;
}
