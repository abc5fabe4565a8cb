/** The fields of an upstream that say how a target is chosen and addressed. */
import { z } from "zod";
import { planned } from "../util/field-notes.ts";
import { healthchecksBlock, type UpstreamFault } from "./healthchecks.ts";

const sources = ["none", "consumer", "ip", "header", "cookie", "path", "query_arg", "uri_capture"] as const;
const token = /^[\w!#$%&'*+.^`|~-]+$/;

const header = (description: string) =>
  z.string().regex(token, "must be the name of a header").describe(description).optional();
const cookie = (description: string) =>
  z.string().regex(token, "must be the name of a cookie").describe(description).optional();
const cookiePath = (description: string) =>
  z
    .string()
    .regex(/^\/[!-:<-~]*$/, "must begin with / and have no spaces, no ; and nothing beyond ASCII")
    .default("/")
    .describe(description);
const authority = (description: string) =>
  z
    .string()
    .regex(/^[!-~]+$/, "must be a host, with or without a port")
    .describe(description)
    .optional();
const text = (description: string) => z.string().min(1).describe(description).optional();

/** To be spread into the shape of the entity. */
export const upstreamOptions = {
  algorithm: z
    .enum(["consistent-hashing", "least-connections", "round-robin", "latency", "sticky-sessions"])
    .default("round-robin")
    .describe(
      "How a target is chosen. `round-robin` with `hash_on` set hashes, as `consistent-hashing` does.",
    ),
  slots: z
    .int()
    .min(10)
    .max(65536)
    .default(10000)
    .describe("Points of the ring of `consistent-hashing`, for a target of the highest weight."),
  hash_on: z.enum(sources).default("none").describe("What is hashed."),
  hash_fallback: z
    .enum(sources)
    .default("none")
    .describe("What is hashed where a request does not have that."),
  hash_on_header: header("Header that is hashed."),
  hash_fallback_header: header("Header that is hashed as fallback."),
  hash_on_cookie: cookie("Cookie that is hashed; a client without it is given one."),
  hash_on_cookie_path: cookiePath("Path of that cookie."),
  hash_on_query_arg: text("Parameter of the query that is hashed."),
  hash_fallback_query_arg: text("Parameter of the query that is hashed as fallback."),
  hash_on_uri_capture: text("Group of the route's regular expression that is hashed."),
  hash_fallback_uri_capture: text("Group that is hashed as fallback."),
  sticky_sessions_cookie: cookie("Cookie by which `sticky-sessions` knows a client's target."),
  sticky_sessions_cookie_path: cookiePath("Path of that cookie."),
  host_header: authority("Host header for all targets; else each target's own host."),
  use_srv_name: z
    .boolean()
    .default(false)
    .describe("Send the name in a SRV record as Host header.")
    .meta(planned),
  healthchecks: healthchecksBlock
    .prefault({})
    .describe("When a target is taken out, and what brings it back."),
} as const;

const optionsBlock = z.strictObject(upstreamOptions);
export type UpstreamOptions = z.output<typeof optionsBlock>;
export type HashSource = UpstreamOptions["hash_on"];
type Algorithm = UpstreamOptions["algorithm"];

/**
 * The algorithm that is meant. What says what to hash is older than `algorithm`, and says enough: tools such as decK write
 * the default `round-robin` beside it.
 */
export function algorithmOf({ algorithm, hash_on }: UpstreamOptions): Algorithm {
  return algorithm === "round-robin" && hash_on !== "none" ? "consistent-hashing" : algorithm;
}

/** Fields that exclude or need each other, and those without effect. */
export function checkHashing(options: UpstreamOptions): readonly UpstreamFault[] {
  const { hash_fallback: fallback, hash_on: source } = options;
  const faults: UpstreamFault[] = [...needed(options, "hash_on"), ...needed(options, "hash_fallback")];
  const fault = (field: string, message: string) => faults.push(errorAt(field, message));
  if (source === "none" && fallback !== "none")
    fault("hash_fallback", "must be none while hash_on is none: there is nothing to fall back from");
  if (source === "cookie" && fallback !== "none")
    fault(
      "hash_fallback",
      "must be none beside hash_on: cookie, as a client without the cookie is given one",
    );
  if (fallback !== "none" && fallback === source && isSame(options))
    fault("hash_fallback", "must be another source than hash_on");
  return [...faults, ...checkAlgorithm(options)];
}

function checkAlgorithm(options: UpstreamOptions): readonly UpstreamFault[] {
  const { hash_on: source } = options;
  const algorithm = algorithmOf(options);
  if (algorithm === "sticky-sessions") {
    const faults: UpstreamFault[] = [];
    if (options.sticky_sessions_cookie === undefined)
      faults.push(errorAt("sticky_sessions_cookie", "must be set for the algorithm sticky-sessions"));
    if (source !== "none") faults.push(errorAt("hash_on", "must be none for the algorithm sticky-sessions"));
    return faults;
  }
  if ((algorithm === "consistent-hashing") === (source !== "none")) return [];
  const message =
    source === "none"
      ? "is none, so that nothing is hashed and every request goes to a target at random: say what is hashed"
      : `is without effect for the algorithm ${algorithm}: only consistent-hashing hashes`;
  return [{ severity: "warning", path: ["hash_on"], message }];
}

function errorAt(field: string, message: string): UpstreamFault {
  return { severity: "error", path: [field], message };
}

/** Sources that take a name, and what the field with it ends in. */
const named: Partial<Record<HashSource, string>> = {
  header: "header",
  query_arg: "query_arg",
  uri_capture: "uri_capture",
};

type Role = "hash_on" | "hash_fallback";

/** The name of the header, parameter, group or cookie that `role` hashes. */
export function sourceName(options: UpstreamOptions, role: Role): string | undefined {
  const source = options[role];
  if (source === "cookie") return options.hash_on_cookie;
  const suffix = named[source];
  return suffix === undefined
    ? undefined
    : options[`${role}_${suffix}` as "hash_on_header" | "hash_fallback_header"]; // by the table
}

function needed(options: UpstreamOptions, role: Role): readonly UpstreamFault[] {
  const source = options[role];
  const field = source === "cookie" ? "hash_on_cookie" : `${role}_${named[source] ?? ""}`;
  if ((source !== "cookie" && named[source] === undefined) || sourceName(options, role) !== undefined)
    return [];
  return [errorAt(field, `must be set, as ${role} is ${source}`)];
}

/** Two headers, parameters or groups are two sources. */
function isSame(options: UpstreamOptions): boolean {
  const fold = (name: string | undefined) => (options.hash_on === "header" ? name?.toLowerCase() : name);
  return fold(sourceName(options, "hash_on")) === fold(sourceName(options, "hash_fallback"));
}
