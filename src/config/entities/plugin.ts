/** Entity: a step in the way of a request, for everything or for one service, route, consumer or group. */
import { z } from "zod";
import type { Finding } from "../../plugins/plugin.ts";
import { fileOnly } from "../../util/field-notes.ts";
import { commonFields, defineEntity, entityName, reference } from "../entity.ts";

const phases = (description: string) =>
  z
    .strictObject({ access: z.array(z.string().min(1)).describe("Their names.").optional() })
    .describe(description);

export const plugin = defineEntity({
  name: "plugin",
  plural: "plugins",
  summary:
    "A step in the way of a request: for every request, or for those to a service, on a route and by a consumer or group.",
  uniqueFields: ["instance_name"],
  shape: {
    ...commonFields,
    name: z.string().min(1).describe("Which plugin."),
    instance_name: entityName("A unique name of your own for this one, shown in logs.").optional(),
    enabled: z.boolean().default(true).describe("Off: the config is checked, but the plugin does not run."),
    service: reference("Only for requests to this service.").optional(),
    route: reference("Only for requests on this route.").optional(),
    consumer: reference("Only for requests by this consumer.").optional(),
    consumer_group: reference("Only for requests by consumers of this group.").optional(),
    protocols: z
      .array(z.enum(["grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp", "ws", "wss"]))
      .min(1)
      .default(["grpc", "grpcs", "http", "https"])
      .describe("Protocols of the requests."),
    run_on: z.string().describe("Kept by old exports; without effect.").optional(),
    ordering: z
      .strictObject({
        before: phases("Plugins that run after this one.").optional(),
        after: phases("Plugins that run before this one.").optional(),
      })
      .describe("Where it runs among the plugins of a request, other than usual.")
      .optional(),
    condition: z
      .string()
      .describe("Expression that decides whether it runs. Refused by this version.")
      .optional(),
    partials: z
      .array(
        z
          .strictObject({
            id: z.string().min(1).describe("The partial's id.").optional(),
            name: z.string().min(1).describe("The partial's name.").optional(),
            path: z
              .string()
              .describe(
                "Block of `config` that it fills, e.g. `config.redis`; left out, the usual one for its type.",
              )
              .optional(),
          })
          .refine(({ id, name }) => id !== undefined || name !== undefined, {
            error: "must name a partial with `name` or `id`",
          }),
      )
      .describe("Partials, which fill in what `config` leaves out.")
      .optional(),
    _config: z
      .string()
      .describe("Name in `_plugin_configs` whose fields fill in what `config` leaves out.")
      .meta(fileOnly)
      .optional(),
    config: z.unknown().describe("The plugin's own settings.").optional(),
  },
  references: {
    service: "service",
    route: "route",
    consumer: "consumer",
    consumer_group: "consumer_group",
    partials: "partial",
  },
  scope: ["service", "route", "consumer", "consumer_group"],
  check({ condition, protocols }) {
    const findings: Finding[] = [];
    if (condition !== undefined) {
      const message =
        "is not supported by this version, and ignoring it would run the plugin for requests it excludes: remove it";
      findings.push({ severity: "error", path: ["condition"], message });
    }
    if (!protocols.includes("http") && !protocols.includes("https")) {
      const message = "has neither http nor https, so the plugin would never run";
      findings.push({ severity: "error", path: ["protocols"], message });
    }
    return findings;
  },
});
