/** Which model is called, and where: what stays the same when a key is rotated or a price changes. */
import type { ModelOptions } from "./model-options.ts";

export function modelPlace(model: {
  readonly provider: string;
  readonly name?: string | undefined;
  readonly options: ModelOptions;
}): object {
  const { upstream_url, upstream_path, azure_instance, azure_deployment_id } = model.options;
  const { provider, name } = model;
  return { provider, name, upstream_url, upstream_path, azure_instance, azure_deployment_id };
}
