/** A target compiled: everything about an upstream call that does not depend on the request is worked out at load. */
import type { TargetPrice, TargetPrices } from "../accounting/target-price.ts";
import type { Target } from "../balancer/balancer.ts";
import { GatewayError } from "../errors.ts";
import type { ModelOptions } from "../providers/model-options.ts";
import type { ChatOperation, Provider, UpstreamModel } from "../providers/provider.ts";
import type { Credentials } from "./credentials.ts";
import type { OptionsMode } from "./options.ts";
import { priceAtLoad } from "./price-at-load.ts";
import { compileTemplate, type Template, type TemplateSource } from "./template.ts";
import { isVendorsHost } from "./vendor-host.ts";

/** A target as the proxy calls it. */
export interface ProxyTarget extends Target {
  readonly provider: Provider;
  readonly chat: ChatOperation;
  readonly routeType: string;
  readonly alias: string | undefined;
  /** The configured model name, template and all; undefined: the client names the model. */
  readonly modelName: string | undefined;
  readonly credentials: Credentials;
  readonly optionsMode: OptionsMode;
  readonly logPayloads: boolean;
  /** As far as it is known without a request: with templates in the model's name or URL, the config's alone. */
  readonly price: TargetPrice | undefined;
  /** The config's ceiling of the answer's tokens. */
  readonly maxTokens: number | undefined;
  /** Fills in templates; the same object every time where there are none. Throws `template_missing` and `no_model`. */
  resolve(source: TemplateSource, clientModel: string | undefined): ResolvedTarget;
}

/** Where one attempt goes. */
export interface ResolvedTarget {
  readonly model: UpstreamModel;
  /** Undefined: unknown, which is not free. */
  readonly price: TargetPrice | undefined;
  /** `https://host:port` */
  readonly origin: string;
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  /** Path and query, without credentials. */
  readonly path: string;
  /** The path alone, for records: a query may hold a key. */
  readonly uri: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface TargetSettings extends Omit<Target, "id" | "name" | "inputCost" | "outputCost"> {
  readonly id: string;
  readonly provider: Provider;
  readonly chat: ChatOperation;
  readonly routeType: string;
  readonly alias: string | undefined;
  readonly modelName: string | undefined;
  readonly options: ModelOptions;
  readonly prices: TargetPrices;
  readonly credentials: Credentials;
  readonly optionsMode: OptionsMode;
  readonly logPayloads: boolean;
}

/** Throws `GatewayError("template_invalid")` for a template that cannot be read. */
export function compileTarget(settings: TargetSettings): ProxyTarget {
  const { options, provider, modelName, prices } = settings;
  const name = modelName === undefined ? undefined : compileTemplate("model.name", modelName);
  const templates = compileOptions(options);
  const isConstant = name?.isConstant === true && templates.length === 0;
  let constant: ResolvedTarget | undefined;

  const build = (source: TemplateSource, clientModel: string | undefined): ResolvedTarget => {
    const resolvedName = name === undefined ? clientModel : name.render(source);
    if (resolvedName === undefined || resolvedName === "") throw new GatewayError("no_model");
    const model = { name: resolvedName, options: fillOptions(options, templates, source) };
    return { ...locate(provider, model), price: prices.of(resolvedName, isVendorsHost(provider, model)) };
  };
  const price = priceAtLoad(settings);

  return Object.freeze({
    ...settings,
    name: `${provider.name}/${modelName ?? "*"}`,
    inputCost: price?.price.rates.input,
    outputCost: price?.price.rates.output,
    price,
    maxTokens: options.max_tokens,
    resolve: (source: TemplateSource, clientModel: string | undefined) => {
      if (!isConstant) return build(source, clientModel);
      constant ??= build(source, clientModel);
      return constant;
    },
  });
}

/** `upstream_url` replaces the vendor's whole URL; else `upstream_path` replaces its path. */
function locate(provider: Provider, model: UpstreamModel): Omit<ResolvedTarget, "price"> {
  const url = parseUrl(model.options.upstream_url ?? provider.endpoint("chat", model), provider);
  const path = model.options.upstream_url === undefined ? model.options.upstream_path : undefined;
  if (path !== undefined) url.pathname = path;
  const scheme = url.protocol.slice(0, -1);
  return {
    model,
    origin: url.origin,
    scheme,
    host: url.hostname,
    port: url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port),
    path: `${url.pathname}${url.search}`,
    uri: url.pathname,
    headers: provider.headers?.(model) ?? {},
  };
}

/** A template's value can make a URL that is none; without templates the config's checks have seen to it. */
function parseUrl(text: string, provider: Provider): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new GatewayError("untranslatable", {
    provider: provider.name,
    routeType: "llm/v1/chat",
    reason: "the target's URL is not an http(s) URL",
  });
}

interface OptionTemplate {
  readonly key: keyof ModelOptions;
  readonly template: Template;
}

/** Options that go into a URL must not let a client's value change its host, path or query. */
const urlOptions = new Set(["upstream_url", "upstream_path"]);

function compileOptions(options: ModelOptions): readonly OptionTemplate[] {
  const found: OptionTemplate[] = [];
  for (const [key, value] of Object.entries(options)) {
    if (typeof value !== "string") continue;
    const template = compileTemplate(`model.options.${key}`, value, { encode: urlOptions.has(key) });
    if (!template.isConstant) found.push({ key: key as keyof ModelOptions, template }); // a key of the very object
  }
  return found;
}

function fillOptions(
  options: ModelOptions,
  templates: readonly OptionTemplate[],
  source: TemplateSource,
): ModelOptions {
  if (templates.length === 0) return options;
  return {
    ...options,
    ...Object.fromEntries(templates.map(({ key, template }) => [key, template.render(source)])),
  };
}
