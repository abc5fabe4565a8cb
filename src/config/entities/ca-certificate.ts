/** Entity: an authority whose certificates are trusted. */
import { z } from "zod";
import type { Finding } from "../../plugins/plugin.ts";
import { digestOf, readCertificates } from "../certificates.ts";
import { commonFields, defineEntity } from "../entity.ts";

export const caCertificate = defineEntity({
  name: "ca_certificate",
  plural: "ca_certificates",
  summary: "An authority whose certificates a service can trust (`ca_certificates`).",
  shape: {
    ...commonFields,
    cert: z.string().min(1).describe("The authority's own certificate in PEM, one only."),
    cert_digest: z
      .string()
      .describe("SHA-256 of the certificate in hexadecimal; checked where it is given.")
      .optional(),
  },
  check({ cert, cert_digest: given }) {
    const fault = (field: string, message: string): readonly Finding[] => [
      { severity: "error", path: [field], message },
    ];
    const read = readCertificates(cert);
    if (typeof read === "string") return fault("cert", read);
    const [authority] = read;
    if (authority === undefined || read.length > 1)
      return fault("cert", `holds ${read.length} certificates: give each an entity of its own`);
    if (!authority.ca)
      return fault("cert", "is no authority's certificate: it lacks the basic constraint CA");
    const digest = digestOf(authority);
    if (given === undefined || given.toLowerCase().replaceAll(":", "") === digest) return [];
    return fault("cert_digest", `is not the certificate's, which is ${digest}: correct it, or leave it out`);
  },
});
