/** Entity: a server name that a certificate is shown for. */
import { z } from "zod";
import { planned } from "../../util/field-notes.ts";
import { commonFields, defineEntity, reference } from "../entity.ts";

export const sni = defineEntity({
  name: "sni",
  plural: "snis",
  summary: "A server name that a certificate is shown for. No listener speaks TLS yet.",
  nameField: "name",
  isNamedByText: true,
  shape: {
    ...commonFields,
    name: z
      .string()
      .regex(
        /^(?:\*\.)?[\w-]+(?:\.[\w-]+)*(?:\.\*)?$/,
        "must be a server name; one * may stand first or last",
      )
      .describe("The server name; one `*` may stand for the leftmost or rightmost label.")
      .meta(planned),
    certificate: reference("The certificate; left out where it stands inside the certificate.").optional(),
  },
  references: { certificate: "certificate" },
  owner: "certificate",
});
