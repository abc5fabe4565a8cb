/** Entity: a server name that a certificate is shown for. */
import { z } from "zod";
import { commonFields, defineEntity, reference } from "../entity.ts";

export const sni = defineEntity({
  name: "sni",
  plural: "snis",
  summary: "A server name that a certificate is shown for.",
  nameField: "name",
  shape: {
    ...commonFields,
    name: z.string().min(1).describe("The server name; may hold a `*`."),
    certificate: reference("The certificate."),
  },
  references: { certificate: "certificate" },
  isPlanned: true,
});
