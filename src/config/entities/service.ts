/** Entity: where requests go when no plugin answers them. */
import { z } from "zod";
import type { Finding } from "../../plugins/plugin.ts";
import { fileOnly, planned } from "../../util/field-notes.ts";
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

/** Those that this version speaks to an upstream. */
const spoken: readonly string[] = ["http", "https"];

const timeoutMs = (description: string) =>
  z.int().min(1).max(2147483646).default(60000).describe(description);

export const service = defineEntity({
  name: "service",
  plural: "services",
  summary:
    "An upstream API, and the address it is found at. An AI plugin on its routes replaces the address.",
  nameField: "name",
  shape: {
    ...commonFields,
    name: entityName("What routes and plugins call it by.").optional(),
    url: z
      .string()
      .refine(isServiceUrl, "must be a full URL without a query, e.g. http://example.com/path")
      .describe("Shorthand for `protocol`, `host`, `port` and `path`.")
      .meta(fileOnly)
      .optional(),
    protocol: z
      .enum(protocols)
      .default("http")
      .describe("How the upstream is spoken to; `http` and `https` for now."),
    host: z.string().min(1).describe("Host of the upstream, or the name of an entity `upstream`.").optional(),
    port: z
      .int()
      .min(0)
      .max(65535)
      .default(80)
      .describe("Port of the upstream; the targets of an entity `upstream` have their own."),
    path: z
      .string()
      .refine((path) => path.startsWith("/"), "must begin with /")
      .describe("Put before the path of every request.")
      .optional(),
    retries: z.int().min(0).max(32767).default(5).describe("Most further tries after a failed connection."),
    connect_timeout: timeoutMs("Longest wait for a connection, in milliseconds."),
    write_timeout: timeoutMs("Longest wait between two writes, in milliseconds."),
    read_timeout: timeoutMs("Longest wait between two reads, in milliseconds."),
    enabled: z.boolean().default(true).describe("Off: its routes answer as if they did not exist."),
    tls_verify: z
      .boolean()
      .describe("Check the upstream's certificate. Left out: yes, other than in Kong.")
      .optional(),
    tls_verify_depth: z
      .int()
      .min(0)
      .max(64)
      .describe("Longest chain of certificates.")
      .meta(planned)
      .optional(),
    tls_sans: z
      .strictObject({
        dnsnames: z
          .array(z.string())
          .describe("DNS names of which the certificate must have one.")
          .optional(),
        uris: z.array(z.string()).describe("URIs of which the certificate must have one.").optional(),
      })
      .describe("Names the upstream's certificate may have.")
      .meta(planned)
      .optional(),
    client_certificate: reference("Certificate shown to the upstream.").optional(),
    ca_certificates: z
      .array(z.string())
      .describe(
        "Ids of the authorities the upstream's certificate may come from; else those that Node.js knows.",
      )
      .optional(),
  },
  references: { client_certificate: "certificate", ca_certificates: "ca_certificate" },
  children: { routes: "route", plugins: "plugin" },
  expand(value) {
    const { url, ...rest } = value;
    return typeof url === "string" && isServiceUrl(url) ? { ...rest, ...addressIn(url) } : value;
  },
  check(value) {
    const { host, protocol, url } = value;
    const findings: Finding[] = [];
    if (url === undefined && host === undefined) {
      findings.push({
        severity: "error",
        path: ["host"],
        message: "must set host, or url as a shorthand for it",
      });
    }
    if (url !== undefined && host !== undefined) {
      findings.push({
        severity: "warning",
        path: ["url"],
        message: "wins over host, port, protocol and path: keep one of the two",
      });
    }
    const scheme = url === undefined ? protocol : new URL(url).protocol.slice(0, -1);
    if (!spoken.includes(scheme)) {
      const message = `protocol ${scheme} is not supported by this version (supported: ${spoken.join(", ")})`;
      findings.push({ severity: "error", path: [url === undefined ? "protocol" : "url"], message });
    }
    if (scheme === "http") findings.push(...tlsWithoutTls(value));
    return findings;
  },
});

const tlsFields = [
  "tls_verify",
  "tls_verify_depth",
  "tls_sans",
  "client_certificate",
  "ca_certificates",
] as const;

/** Settings that somebody relies on and that would protect nothing. */
function tlsWithoutTls(
  value: Readonly<Partial<Record<(typeof tlsFields)[number], unknown>>>,
): readonly Finding[] {
  return tlsFields
    .filter((field) => value[field] !== undefined)
    .map((field) => {
      const message =
        "is about TLS, which the protocol http does not use: set protocol to https, or leave it out";
      return { severity: "error", path: [field], message };
    });
}

function isServiceUrl(url: string): boolean {
  if (!/^[a-z]\w*:\/\//i.test(url) || !URL.canParse(url)) return false;
  const { hostname, protocol, search, hash, username } = new URL(url);
  const isKnown = (protocols as readonly string[]).includes(protocol.slice(0, -1)); // widened to compare with any text
  return isKnown && hostname !== "" && search === "" && hash === "" && username === "";
}

/** Where a URL leads, in the service's own fields. The URL is one that the shape has accepted. */
export function addressIn(url: string): {
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  readonly path: string | undefined;
} {
  const parsed = new URL(url);
  const protocol = parsed.protocol.slice(0, -1);
  return {
    protocol,
    host: parsed.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: parsed.port === "" ? (protocol === "https" ? 443 : 80) : Number(parsed.port),
    path: parsed.pathname === "/" || parsed.pathname === "" ? undefined : parsed.pathname,
  };
}
