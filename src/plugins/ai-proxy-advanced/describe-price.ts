/** The price of a target in words, for `sluice check`. */
import type { ModelOptions } from "../../providers/model-options.ts";
import type { ProxyTarget } from "../../proxy/target.ts";
import { isVendorsHost } from "../../proxy/vendor-host.ts";

/** Which price holds, and where it is from, or why none does. */
export function describePrice(target: ProxyTarget, options: ModelOptions): string {
  const { price, provider } = target;
  if (price === undefined) return unknownPrice(target, options);
  const { row, source } = price;
  const { input, output } = price.price.rates;
  const listed = row && `price table, ${provider.name}/${row.model} as of ${row.date}`;
  const origin =
    source === "config" ? `config${listed ? `; the rest in proportion to the ${listed}` : ""}` : listed;
  return `price $${input} in, $${output} out per 1M tokens (${origin})`;
}

function unknownPrice({ modelName, provider }: ProxyTarget, options: ModelOptions): string {
  const url = options.upstream_url;
  const mayBeVendors =
    url?.includes("$(") === true || isVendorsHost(provider, { name: modelName ?? "", options });
  const unset = "price unknown, cost will not be counted: input_cost and output_cost are not both set";
  if (!mayBeVendors) return `${unset}, and the price table holds for the vendor's own host alone`;
  const isFixed = modelName !== undefined && !modelName.includes("$(") && url?.includes("$(") !== true;
  if (isFixed) return `${unset}, and the price table has no ${provider.name}/${modelName}`;
  return "price: the price table's for the model of each request, where it has one";
}
