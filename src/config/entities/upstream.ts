/** Entity: several hosts behind one name. */
import { isIP } from "node:net";
import { z } from "zod";
import type { Finding } from "../../plugins/plugin.ts";
import { checkHealthchecks } from "../../upstreams/healthchecks.ts";
import { checkHashing, upstreamOptions } from "../../upstreams/options.ts";
import { commonFields, defineEntity, reference } from "../entity.ts";

export const upstream = defineEntity({
  name: "upstream",
  plural: "upstreams",
  summary: "Several hosts behind one name. A service whose `host` is that name is balanced among them.",
  nameField: "name",
  shape: {
    ...commonFields,
    name: z
      .string()
      .refine(isHostName, "must be the name of a host, without a port, and no address")
      .describe("Unique name, in the form of a host name."),
    ...upstreamOptions,
    client_certificate: reference(
      "Certificate shown to the targets, also by active checks; a service's own goes before it.",
    ).optional(),
  },
  references: { client_certificate: "certificate" },
  children: { targets: "target" },
  check(value) {
    const health = checkHealthchecks(value.healthchecks).map(
      (fault): Finding => ({ ...fault, path: ["healthchecks", ...fault.path] }),
    );
    return [...checkHashing(value), ...health];
  },
});

function isHostName(name: string): boolean {
  return /^[a-z\d_](?:[\w.-]*[a-z\d_])?$/i.test(name) && isIP(name) === 0;
}
