/** Entity: a certificate and its key. */
import { z } from "zod";
import type { Finding } from "../../plugins/plugin.ts";
import { planned, secret } from "../../util/field-notes.ts";
import { checkPair } from "../certificates.ts";
import { commonFields, defineEntity } from "../entity.ts";

export const certificate = defineEntity({
  name: "certificate",
  plural: "certificates",
  summary:
    "A certificate and its key: shown to clients that ask for one of its `snis`, and by services and upstreams (`client_certificate`).",
  shape: {
    ...commonFields,
    cert: z.string().min(1).describe("The certificate in PEM, with those that vouch for it after it."),
    key: z.string().min(1).describe("Its key in PEM, without a passphrase.").meta(secret),
    cert_alt: z
      .string()
      .min(1)
      .describe("A second certificate, with a key of another kind; clients are shown the first.")
      .meta(planned)
      .optional(),
    key_alt: z
      .string()
      .min(1)
      .describe("The key of the second.")
      .meta({ ...secret, ...planned })
      .optional(),
  },
  children: { snis: "sni" },
  check({ cert, cert_alt: second, key, key_alt: secondKey }) {
    const findings: Finding[] = [...checkPair({ field: "cert", text: cert }, { field: "key", text: key })];
    if (second !== undefined && secondKey !== undefined) {
      findings.push(...checkPair({ field: "cert_alt", text: second }, { field: "key_alt", text: secondKey }));
    } else if (second !== undefined || secondKey !== undefined) {
      const missing = second === undefined ? "cert_alt" : "key_alt";
      const message = "all or none of these fields must be set: 'cert_alt', 'key_alt'";
      findings.push({ severity: "error", path: [missing], message });
    }
    return findings;
  },
});
