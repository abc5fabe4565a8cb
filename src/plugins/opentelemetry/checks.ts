/** What the schema alone cannot say. */
import type { Finding } from "../plugin.ts";
import type { OpentelemetryConfig } from "./config.ts";
import { isKnownFormat } from "./propagation.ts";
import { defaultSamplingRate } from "./sampling.ts";

/** RFC 9110, section 5.6.2. */
const headerName = /^[!#$%&'*+.^_`|~\w-]+$/;

export function checkOpentelemetry(config: OpentelemetryConfig): readonly Finding[] {
  return [
    ...endpointFindings(config),
    ...headerFindings(config),
    ...formatFindings(config),
    ...resourceFindings(config),
  ];
}

function endpointFindings({ sampling_rate, traces_endpoint }: OpentelemetryConfig): readonly Finding[] {
  if (traces_endpoint === undefined) {
    const message = "is not set: nothing is traced, and upstreams are told of no trace";
    return [{ severity: "warning", path: ["traces_endpoint"], message }];
  }
  const { password, username } = new URL(traces_endpoint);
  if (username !== "" || password !== "") {
    const message = "has a user in it, who would not be told to the collector: use headers for credentials";
    return [{ severity: "error", path: ["traces_endpoint"], message }];
  }
  if (sampling_rate !== undefined) return [];
  const message = `is not set: as with Kong, ${100 * defaultSamplingRate} trace in 100 is kept. Set 1 to keep all`;
  return [{ severity: "warning", path: ["sampling_rate"], message }];
}

function headerFindings({
  headers = {},
  http_response_header_for_traceid: forId,
  propagation,
}: OpentelemetryConfig) {
  const findings: Finding[] = [];
  const fault = (path: Finding["path"], message: string) =>
    findings.push({ severity: "error", path, message });
  for (const [name, value] of Object.entries(headers)) {
    if (!headerName.test(name)) fault(["headers", name], "is no name for a header");
    else if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
      fault(["headers", name], "has characters that headers may not have");
  }
  if (forId !== undefined && !headerName.test(forId))
    fault(["http_response_header_for_traceid"], "is no name for a header");
  for (const [index, name] of (propagation.clear ?? []).entries())
    if (!headerName.test(name)) fault(["propagation", "clear", index], "is no name for a header");
  return findings;
}

/** Traces end where nobody speaks the format; requests are answered all the same. */
function formatFindings({ header_type, propagation }: OpentelemetryConfig): readonly Finding[] {
  const named: readonly (readonly [Finding["path"], string])[] = [
    [["header_type"], header_type],
    [["propagation", "default_format"], propagation.default_format],
    ...(propagation.extract ?? []).map((name, index) => [["propagation", "extract", index], name] as const),
    ...(propagation.inject ?? []).map((name, index) => [["propagation", "inject", index], name] as const),
  ];
  return named
    .filter(([, name]) => !isKnownFormat(name))
    .map(([path, name]) => ({
      severity: "notice",
      path,
      message: `${name} is neither read nor written by this version: w3c, b3 and b3-single are`,
    }));
}

function resourceFindings({ resource_attributes = {} }: OpentelemetryConfig): readonly Finding[] {
  return Object.entries(resource_attributes)
    .filter(([, value]) => isDynamic(value))
    .map(([name]) => ({
      severity: "notice",
      path: ["resource_attributes", name],
      message: "is left out: this version does not evaluate templates",
    }));
}

/** Kong's Lua templates. */
export function isDynamic(value: string): boolean {
  return /\$[({]/.test(value);
}
