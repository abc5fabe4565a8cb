/** Entity: which requests are meant. */
import { z } from "zod";
import type { Finding } from "../../plugins/plugin.ts";
import { compileRouter, type RouteDefinition, RouteError } from "../../router/router.ts";
import { planned } from "../../util/field-notes.ts";
import { commonFields, defineEntity, entityName, reference } from "../entity.ts";

const protocols = [
  "grpc",
  "grpcs",
  "http",
  "https",
  "tcp",
  "tls",
  "tls_passthrough",
  "udp",
  "ws",
  "wss",
] as const;

const texts = (description: string) => z.array(z.string().min(1)).describe(description).optional();

const endpoints = (description: string) =>
  z
    .array(
      z.strictObject({
        ip: z.string().describe("Address or CIDR range.").optional(),
        port: z.int().min(0).max(65535).describe("Port.").optional(),
      }),
    )
    .describe(description)
    .optional();

/** Conditions this version cannot test; a route that ignored one would take requests it was not meant for. */
const untested = ["sources", "destinations", "expression"] as const;

export const route = defineEntity({
  name: "route",
  plural: "routes",
  summary: "A rule for requests: every field that is set must match, and in each field one of its values.",
  nameField: "name",
  shape: {
    ...commonFields,
    name: entityName("What plugins call it by.").optional(),
    service: reference("Service the requests go to. Left out, a plugin must answer.").optional(),
    protocols: z
      .array(z.enum(protocols))
      .min(1)
      .default(["http", "https"])
      .describe(
        "What clients may speak: a route without `http` answers plain HTTP as `https_redirect_status_code` says, one without `https` is not there for TLS.",
      ),
    methods: z
      .array(z.string().regex(/^[A-Z]+$/, "must be in capitals, e.g. POST"))
      .describe("HTTP methods.")
      .optional(),
    hosts: texts("Host names; one `*` may stand for the leftmost or rightmost label."),
    paths: z
      .array(
        z
          .string()
          .refine((path) => /^~?\//.test(path), "should start with: / (fixed path) or ~/ (regex path)"),
      )
      .describe(
        "Beginnings of the path, or regular expressions after a `~`; named groups can be used in templates.",
      )
      .optional(),
    headers: z
      .record(z.string().min(1), z.array(z.string()))
      .describe(
        "Header → values of which one must be equal; a single value after `~*` is a regular expression.",
      )
      .optional(),
    https_redirect_status_code: z
      .union([z.literal(426), z.literal(301), z.literal(302), z.literal(307), z.literal(308)], {
        error: "must be 426, 301, 302, 307 or 308",
      })
      .default(426)
      .describe(
        "Answer to plain HTTP where the route is for https alone; all but 426 send the client to the same place over https.",
      ),
    regex_priority: z
      .int()
      .default(0)
      .describe("Among regular expressions the higher number is tried first."),
    strip_path: z
      .boolean()
      .default(true)
      .describe("Take the matched part off the path before it goes upstream."),
    path_handling: z
      .enum(["v0", "v1"])
      .default("v0")
      .describe("How the service's path and the rest of the path are joined."),
    preserve_host: z.boolean().default(false).describe("Send the client's Host header upstream."),
    request_buffering: z
      .boolean()
      .default(true)
      .describe("Read the whole request before it is sent on.")
      .meta(planned),
    response_buffering: z
      .boolean()
      .default(true)
      .describe("Read the whole answer before it is sent on.")
      .meta(planned),
    snis: texts(
      "Server names asked for when TLS begins; one `*` may stand for the leftmost or rightmost label. No condition for plain HTTP.",
    ),
    sources: endpoints("Client addresses. Refused by this version."),
    destinations: endpoints("Listener addresses. Refused by this version."),
    expression: z.string().describe("Rule of the expressions router. Refused by this version.").optional(),
    priority: z.int().describe("Rank among expressions; without effect here.").meta(planned).optional(),
  },
  references: { service: "service" },
  children: { plugins: "plugin" },
  check(value) {
    const findings: Finding[] = untested
      .filter((field) => value[field] !== undefined)
      .map((field) => {
        const message = `${field} is not supported by this version, and ignoring it would match requests it excludes: remove the route or the field`;
        return { severity: "error", path: [field], message };
      });
    if (findings.length === 0) findings.push(...checkConditions(value));
    return [
      ...findings,
      ...checkProtocols(value.protocols),
      ...(findings.length === 0 ? checkRules(value) : []),
    ];
  },
});

/** In Kong's words. */
function checkConditions({ protocols, snis, ...value }: Rules & { readonly protocols: readonly string[] }) {
  const findings: Finding[] = [];
  const takesTls = protocols.includes("https");
  const lists = [value.methods, value.hosts, value.paths, Object.keys(value.headers ?? {}), snis];
  if (lists.every((list) => list === undefined || list.length === 0)) {
    const message = takesTls
      ? "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'"
      : "must set one of 'methods', 'hosts', 'headers', 'paths' when 'protocols' is 'http'";
    findings.push({ severity: "error", path: [], message });
  }
  if (!takesTls && snis !== undefined && snis.length > 0) {
    const message = "'snis' can only be set when 'protocols' is 'grpcs', 'https' or 'tls'";
    findings.push({ severity: "error", path: ["snis"], message });
  }
  return findings;
}

function checkProtocols(given: readonly string[]): readonly Finding[] {
  const path = ["protocols"];
  if (!given.includes("http") && !given.includes("https")) {
    const message = `none of ${given.join(", ")} is supported by this version (supported: http, https)`;
    return [{ severity: "error", path, message }];
  }
  const others = given.filter((protocol) => protocol !== "http" && protocol !== "https");
  if (others.length === 0) return [];
  return [{ severity: "notice", path, message: `${others.join(", ")} accepted, not acted on yet` }];
}

type Rules = Pick<RouteDefinition, "headers" | "hosts" | "methods" | "paths" | "snis">;

/** Lets the router itself say what it cannot compile. */
function checkRules({ headers, hosts, methods, paths, snis }: Rules): readonly Finding[] {
  try {
    compileRouter([{ id: "", headers, hosts, methods, paths, snis, ...ruleDefaults, payload: undefined }]);
    return [];
  } catch (error) {
    if (!(error instanceof RouteError)) throw error;
    return [{ severity: "error", path: error.path, message: error.message.replace(/^route ".*?": /, "") }];
  }
}

const ruleDefaults = { stripPath: true, preserveHost: false, regexPriority: 0, pathHandling: "v0" } as const;
