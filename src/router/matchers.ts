/** Compiled conditions on a request's host and headers. */
import { compilePcre } from "./pcre.ts";

export interface HostPattern {
  readonly kind: "exact" | "suffix" | "prefix";
  /** Lower case; of a wildcard what stands beside the `*`, dot included. */
  readonly text: string;
  /** "": any port. */
  readonly port: string;
}

/** A name, or an IPv6 address in brackets. */
const hostShape = /^(?:\[[0-9a-f:.]+\]|[^\s/@?#:[\]]+)$/;

/** Throws an `Error` with the reason when the pattern is none. */
export function compileHost(source: string): HostPattern {
  const text = hostName(source);
  const port = hostPort(source);
  const stars = text.split("*").length - 1;
  if (!hostShape.test(text) || !/^\d*$/.test(port))
    throw new Error("it is not a host name with an optional port");
  if (stars === 0) return { kind: "exact", text, port };
  if (stars === 1 && text.startsWith("*.") && text.length > 2)
    return { kind: "suffix", text: text.slice(1), port };
  if (stars === 1 && text.endsWith(".*") && text.length > 2)
    return { kind: "prefix", text: text.slice(0, -1), port };
  throw new Error(
    "a wildcard must be the whole leftmost or rightmost label, as in *.example.com or example.*",
  );
}

/** The pattern of a TLS server name. Throws as `compileHost` does. */
export function compileServerName(source: string): HostPattern {
  const pattern = compileHost(source);
  if (pattern.port !== "") throw new Error("a TLS server name has no port");
  return pattern;
}

/** True when one of the patterns fits; `name` and `port` as `hostName` and `hostPort` give them. */
export function matchesAnyHost(patterns: readonly HostPattern[], name: string, port: string): boolean {
  for (const pattern of patterns) if (matchesHost(pattern, name, port)) return true;
  return false;
}

function matchesHost(pattern: HostPattern, name: string, port: string): boolean {
  const { kind, text } = pattern;
  if (pattern.port !== "" && pattern.port !== port && !(port === "" && isDefaultPort(pattern.port)))
    return false;
  if (kind === "exact") return name === text;
  if (name.length <= text.length) return false;
  return kind === "suffix" ? name.endsWith(text) : name.startsWith(text);
}

/** The name of a Host header in lower case; an IPv6 address keeps its brackets. */
export function hostName(host: string): string {
  const colon = portColon(host);
  return (colon === -1 ? host : host.slice(0, colon)).toLowerCase();
}

/** The port of a Host header, "" when there is none. */
export function hostPort(host: string): string {
  const colon = portColon(host);
  return colon === -1 ? "" : host.slice(colon + 1);
}

function portColon(host: string): number {
  return host.endsWith("]") ? -1 : host.lastIndexOf(":");
}

/** Clients leave the port of their scheme out, and what stands before us may have ended TLS. */
function isDefaultPort(port: string): boolean {
  return port === "80" || port === "443";
}

export interface HeaderCondition {
  /** Lower case. */
  readonly name: string;
  /** Lower case; any of them will do. */
  readonly values: readonly string[];
  readonly regex: RegExp | undefined;
}

/** As Kong: one single value that begins with `~*` is a regular expression. Throws an `Error` with the reason. */
export function compileHeader(name: string, values: readonly string[]): HeaderCondition {
  const lower = name.toLowerCase();
  if (lower === "host") throw new Error("a route matches the Host header by its field hosts");
  const [first] = values;
  if (first === undefined) throw new Error("it has no value to match; name at least one");
  if (values.length === 1 && first.startsWith("~*")) {
    return { name: lower, values: [], regex: compilePcre(first.slice(2), { for: "value" }) };
  }
  return { name: lower, values: values.map((value) => value.toLowerCase()), regex: undefined };
}

export function matchesHeader(condition: HeaderCondition, value: string | undefined): boolean {
  if (value === undefined) return false;
  if (isAccepted(condition, value)) return true;
  // A header sent several times arrives joined; any one of its values will do.
  return value.includes(",") && value.split(",").some((part) => isAccepted(condition, part.trim()));
}

function isAccepted({ regex, values }: HeaderCondition, value: string): boolean {
  return regex === undefined ? values.includes(value.toLowerCase()) : regex.test(value);
}
