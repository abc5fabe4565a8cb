/** Entity: a server name that a certificate is shown for. */
import { z } from "zod";
import { commonFields, defineEntity, reference } from "../entity.ts";

export const sni = defineEntity({
  name: "sni",
  plural: "snis",
  summary:
    "A server name: clients that ask for it when TLS begins are shown its certificate, on `--proxy-listen-ssl`.",
  nameField: "name",
  isNamedByText: true,
  shape: {
    ...commonFields,
    name: z
      .string()
      .regex(
        /^(?:\*|(?:\*\.)?[\w-]+(?:\.[\w-]+)*|[\w-]+(?:\.[\w-]+)*\.\*)$/,
        "must be a server name; one * may stand first or last, or alone",
      )
      .describe(
        "The server name; one `*` may stand for its leftmost or rightmost label, and `*` alone for all that have no certificate.",
      ),
    certificate: reference("The certificate; left out where it stands inside the certificate.").optional(),
  },
  references: { certificate: "certificate" },
  owner: "certificate",
});
