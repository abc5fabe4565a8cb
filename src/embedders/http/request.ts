/** Writers of requests, for dialects: where the endpoint is, and where the config wants the credential. */
import { createHash } from "node:crypto";
import type { EmbedderAuth, EmbedderConfig } from "../embedder.ts";

/** The config's model name; throws an `Error` that names the setting and an example when it is missing. */
export function requireModel({ model }: EmbedderConfig, example: string): string {
  if (model.name) return model.name;
  throw new Error(`embeddings.model.name is missing: name the model, e.g. ${example}`);
}

/** `upstream_url` where it is set, else `standard`; throws an `Error` that names the setting. */
export function readEndpoint({ model }: EmbedderConfig, standard: string): URL {
  const setting = "embeddings.model.options.upstream_url";
  const text = model.options?.upstream_url ?? standard;
  if (text.includes("$("))
    throw new Error(`${setting} holds a template: descriptions are embedded before there is a request`);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "https:" && url?.protocol !== "http:")
    throw new Error(`${setting} is not an http(s) URL: give the full URL of the endpoint`);
  if (url.username !== "" || url.password !== "")
    throw new Error(`${setting} holds a user name or password: credentials belong in embeddings.auth`);
  return url;
}

/** Headers of a JSON call, the credential's included where the config wants it in one. */
export function jsonHeaders(auth: EmbedderAuth | undefined): Readonly<Record<string, string>> {
  return {
    "content-type": "application/json",
    accept: "application/json",
    "accept-encoding": "identity",
    ...(auth?.header_name !== undefined && { [auth.header_name.toLowerCase()]: auth.header_value ?? "" }),
  };
}

/** The endpoint, with the credential in its query where the config wants it there. */
export function urlWithCredential(endpoint: URL, auth: EmbedderAuth | undefined): string {
  const url = new URL(endpoint);
  if (auth?.param_name !== undefined && auth.param_location === "query") {
    url.searchParams.set(auth.param_name, auth.param_value ?? "");
  }
  return url.href;
}

/** To be spread into a JSON body: the credential where the config wants it there, else nothing. */
export function bodyCredential(auth: EmbedderAuth | undefined): Readonly<Record<string, string>> {
  if (auth?.param_name === undefined || auth.param_location !== "body") return {};
  return { [auth.param_name]: auth.param_value ?? "" };
}

/** Every form of the credential that a vendor's message could repeat. */
export function secretsOf(auth: EmbedderAuth | undefined): readonly string[] {
  return [auth?.header_value, auth?.param_value].flatMap(formsOf);
}

/** The value, without the scheme in front of it (`Bearer `), and as a URL has it. */
export function formsOf(value: string | undefined): readonly string[] {
  if (value === undefined) return [];
  const forms = [value, value.replace(/^\w+\s+/, ""), encodeURIComponent(value)];
  return [...new Set(forms)].filter((form) => form !== "");
}

export interface SpaceParts {
  readonly provider: string;
  readonly endpoint: URL;
  readonly model: string;
  /** As configured; undefined: the model's own. */
  readonly dimensions: number | undefined;
}

/** A query may choose the model or carry a credential, so that it counts but is not readable. */
export function spaceOf({ provider, endpoint, model, dimensions }: SpaceParts): string {
  const { origin, pathname, search } = endpoint;
  const query = search === "" ? "" : `?${createHash("sha256").update(search).digest("hex").slice(0, 16)}`;
  return `${provider}:${origin}${pathname}${query}:${model}:${dimensions ?? "native"}`;
}
