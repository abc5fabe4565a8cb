/** Entity: a certificate and its key. */
import { z } from "zod";
import { secret } from "../../util/field-notes.ts";
import { commonFields, defineEntity } from "../entity.ts";

export const certificate = defineEntity({
  name: "certificate",
  plural: "certificates",
  summary: "A certificate and its key.",
  shape: {
    ...commonFields,
    cert: z.string().min(1).describe("The certificate, PEM."),
    key: z.string().min(1).describe("Its key, PEM.").meta(secret),
    cert_alt: z.string().describe("A second certificate, of another kind.").optional(),
    key_alt: z.string().describe("The key of the second.").meta(secret).optional(),
    snis: z
      .array(z.union([z.string(), z.strictObject({ ...commonFields, name: z.string() })]))
      .describe("Server names it is shown for.")
      .optional(),
  },
  isPlanned: true,
});
