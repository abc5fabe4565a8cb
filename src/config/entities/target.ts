/** Entity: a host of an upstream. */
import { z } from "zod";
import { parseAddress, withPort } from "../../upstreams/address.ts";
import { commonFields, defineEntity, reference } from "../entity.ts";

export const target = defineEntity({
  name: "target",
  plural: "targets",
  summary: "A host of an upstream, with its share of the requests.",
  shape: {
    ...commonFields,
    target: z
      .string()
      .refine(
        (text) => parseAddress(text) !== undefined,
        "must be host:port, e.g. 10.0.0.1:8080, [::1]:8080 or api.internal",
      )
      .describe("`host:port`; without a port 8000 is meant."),
    weight: z
      .int()
      .min(0)
      .max(65535)
      .default(100)
      .describe("Share of the requests, among the weights of the others; 0: none."),
    failover: z.boolean().default(false).describe("Only used while no other target is left."),
    upstream: reference("Its upstream; left out where it stands inside the upstream.").optional(),
  },
  nameWithinOwner: "target",
  references: { upstream: "upstream" },
  owner: "upstream",
  expand(value) {
    const { target: text } = value;
    return typeof text === "string" ? { ...value, target: withPort(text) } : value;
  },
});
