/** The config of `http-log`: Kong's fields. */
import { z } from "zod";
import { deprecated, secret } from "../../util/field-notes.ts";
import type { Finding } from "../plugin.ts";

const seconds = (most: number, least: number) => z.number().min(least).max(most);

const queue = z.strictObject({
  max_batch_size: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(1)
    .describe("Entries in one message. More than 1, and every message is a JSON array."),
  max_coalescing_delay: seconds(3_600, 0)
    .default(1)
    .describe(
      "Longest wait of an entry for others to go with it, in seconds; none where a message has one entry.",
    ),
  max_entries: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe("Entries held, those on their way included. For one more the oldest that waits is dropped."),
  max_bytes: z
    .int()
    .describe("Bytes held, those on their way included. Left out, 64 MiB, so that memory is bounded.")
    .optional(),
  initial_retry_delay: seconds(1_000_000, 0.001)
    .default(0.01)
    .describe(
      "Wait before a message is sent for the second time, in seconds; doubled each time, varied by half.",
    ),
  max_retry_delay: seconds(1_000_000, 0.001)
    .default(60)
    .describe("Longest wait between two tries of a message, in seconds."),
  max_retry_time: z
    .number()
    .default(60)
    .describe(
      "Time after which a message is given up, in seconds. Nothing is sent twice where it is 0 or less.",
    ),
  concurrency_limit: z
    .literal([-1, 1])
    .default(1)
    .describe("Messages on their way at once: 1, in order, or -1, any number."),
});

export const httpLogConfig = z.strictObject({
  http_endpoint: z
    .url({ protocol: /^https?$/, error: "must be an address that begins with http:// or https://" })
    .describe(
      "Address that the entries are sent to. A name and password in it are sent as `Authorization: Basic`.",
    )
    .meta(secret),
  method: z.enum(["PATCH", "POST", "PUT"]).default("POST").describe("Method of the requests to it."),
  content_type: z
    .enum(["application/json", "application/json; charset=utf-8"])
    .default("application/json")
    .describe("`Content-Type` of the requests to it."),
  headers: z
    .record(z.string(), z.string())
    .describe("Further headers of the requests to it, one value each, e.g. with a token.")
    .meta(secret)
    .optional(),
  timeout: z
    .number()
    .default(10_000)
    .describe("Bound on one request, from connecting to the whole answer, in milliseconds."),
  keepalive: z.number().default(60_000).describe("How long an idle connection is kept, in milliseconds."),
  ssl_verify: z
    .boolean()
    .default(true)
    .describe(
      "Check the certificate of an `https` endpoint; an authority of your own goes into NODE_EXTRA_CA_CERTS.",
    ),
  client_certificate: z
    .strictObject({ id: z.string().describe("Id of the `certificate`.").optional() })
    .describe("Certificate shown to the endpoint. Refused by this version.")
    .optional(),
  custom_fields_by_lua: z
    .record(z.string(), z.string())
    .describe("Lua that adds, changes and takes out fields. Refused by this version, which runs none.")
    .optional(),
  queue: queue.prefault({}).describe("How entries wait, and how often they are sent."),
  retry_count: z
    .int()
    .describe("Without effect: `queue.max_retry_time` says how long entries are sent again.")
    .meta(deprecated)
    .optional(),
  queue_size: z
    .int()
    .describe("Use `queue.max_batch_size`, in place of which it is taken.")
    .meta(deprecated)
    .optional(),
  flush_timeout: z
    .number()
    .describe("Use `queue.max_coalescing_delay`, in place of which it is taken.")
    .meta(deprecated)
    .optional(),
});

/** The config after validation, defaults filled in. */
export type HttpLogConfig = z.output<typeof httpLogConfig>;

/** Headers that the sending itself needs. */
const taken: Readonly<Record<string, string>> = {
  "content-length": "is worked out for every message",
  "content-type": "is set by 'content_type'",
  host: "is that of 'http_endpoint'",
  "transfer-encoding": "is worked out for every message",
};

/** What a header's name may be made of (RFC 9110, 5.6.2), and its value (5.5). */
const headerName = /^[!#$%&'*+.^_`|~\w-]+$/;
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** What the schema alone cannot say. */
export function checkHttpLog(config: HttpLogConfig): readonly Finding[] {
  const { client_certificate, custom_fields_by_lua = {}, headers = {} } = config;
  const findings: Finding[] = [];
  const refuse = (path: Finding["path"], message: string) =>
    findings.push({ severity: "error", path, message });
  if (Object.keys(custom_fields_by_lua).length > 0)
    refuse(
      ["custom_fields_by_lua"],
      "is not supported by this version, which runs no Lua: a field that the code takes out would be sent",
    );
  if (client_certificate !== undefined)
    refuse(["client_certificate"], "is not supported by this version: no certificate would be shown");
  for (const [name, value] of Object.entries(headers)) {
    const reason = taken[name.toLowerCase()];
    if (reason !== undefined) refuse(["headers", name], `cannot be set: it ${reason}`);
    else if (!headerName.test(name)) refuse(["headers", name], "is not a name that a header can have");
    else if (!headerValue.test(value)) refuse(["headers", name], "has a value that no header can have");
  }
  for (const [path, value, least] of leastValues(config))
    if (value !== undefined && value < least) refuse(path, `must be at least ${least}`);
  return findings;
}

/** Bounds that the published schema leaves out and that these values have by what they are. */
function leastValues(
  config: HttpLogConfig,
): readonly (readonly [Finding["path"], number | undefined, number])[] {
  return [
    [["timeout"], config.timeout, 1],
    [["keepalive"], config.keepalive, 0],
    [["queue_size"], config.queue_size, 1],
    [["flush_timeout"], config.flush_timeout, 0],
    [["queue", "max_bytes"], config.queue.max_bytes, 1],
  ];
}
