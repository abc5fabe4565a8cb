/** Entity: an authority whose certificates are trusted. */
import { z } from "zod";
import { commonFields, defineEntity } from "../entity.ts";

export const caCertificate = defineEntity({
  name: "ca_certificate",
  plural: "ca_certificates",
  summary: "An authority whose certificates are trusted.",
  shape: {
    ...commonFields,
    cert: z.string().min(1).describe("The authority's certificate, PEM."),
    cert_digest: z.string().describe("SHA-256 of the certificate.").optional(),
  },
  isPlanned: true,
});
