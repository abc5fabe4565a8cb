/** Entity: several hosts behind one name. */
import { z } from "zod";
import { commonFields, defineEntity, reference } from "../entity.ts";

const text = (description: string) => z.string().describe(description).optional();

export const upstream = defineEntity({
  name: "upstream",
  plural: "upstreams",
  summary: "Several hosts behind one name that a service can use as its host.",
  nameField: "name",
  shape: {
    ...commonFields,
    name: z.string().min(1).describe("Unique name."),
    algorithm: text("How a host is chosen."),
    slots: z.int().min(10).max(65536).describe("Size of the ring.").optional(),
    hash_on: text("What is hashed."),
    hash_fallback: text("What is hashed when that is absent."),
    hash_on_header: text("Header that is hashed."),
    hash_fallback_header: text("Header that is hashed when that is absent."),
    hash_on_cookie: text("Cookie that is hashed."),
    hash_on_cookie_path: text("Path of that cookie."),
    hash_on_query_arg: text("Query parameter that is hashed."),
    hash_fallback_query_arg: text("Query parameter that is hashed when that is absent."),
    hash_on_uri_capture: text("Group of the route's expression that is hashed."),
    hash_fallback_uri_capture: text("Group that is hashed when that is absent."),
    sticky_sessions_cookie: text("Cookie that keeps a client on one host."),
    sticky_sessions_cookie_path: text("Path of that cookie."),
    healthchecks: z.record(z.string(), z.unknown()).describe("How hosts are found to be well.").optional(),
    host_header: text("Host header sent to the hosts."),
    client_certificate: reference("Certificate shown to the hosts.").optional(),
    use_srv_name: z.boolean().describe("Use the SRV record's name as the Host header.").optional(),
    targets: z
      .array(
        z.strictObject({
          ...commonFields,
          target: z.string().min(1).describe("`host:port`."),
          weight: z.int().min(0).max(65535).describe("Share of the requests.").optional(),
          failover: z.boolean().describe("Only used when the others fail.").optional(),
        }),
      )
      .describe("The hosts.")
      .optional(),
  },
  isPlanned: true,
});
