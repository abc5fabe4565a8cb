/** Makes the certificates that clients are shown out of entities that were all found good. */
import type { z } from "zod";
import type { ServedCertificate } from "../http/server-certificates.ts";
import type { Instance } from "./collect.ts";
import type { certificate } from "./entities/certificate.ts";
import type { sni } from "./entities/sni.ts";
import type { Good } from "./good.ts";
import type { Directory } from "./names.ts";

type CertificateFields = z.output<z.ZodObject<typeof certificate.shape>>;
type SniFields = z.output<z.ZodObject<typeof sni.shape>>;

/** In the order of the file; those without a server name are left out. */
export function buildCertificates(
  { certificates, snis }: Readonly<Record<"certificates" | "snis", readonly Good[]>>,
  directory: Directory,
): readonly ServedCertificate[] {
  const names = new Map<Instance, string[]>();
  for (const { instance, value } of snis) {
    const owner = directory.target(instance, "certificate");
    const { name } = value as SniFields; // made by that shape
    if (owner !== undefined) names.set(owner, [...(names.get(owner) ?? []), name]);
  }
  return certificates.flatMap(({ instance, value }) => {
    const serverNames = names.get(instance);
    if (serverNames === undefined) return [];
    const { cert, key } = value as CertificateFields; // made by that shape
    return [{ name: `the certificate ${directory.id(instance)}`, cert, key, serverNames }];
  });
}
