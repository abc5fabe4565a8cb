/** The certificates that clients are shown, made out of entities that were all found good. */
import type { z } from "zod";
import type { ServedCertificate } from "../http/server-certificates.ts";
import type { Instance } from "./collect.ts";
import type { certificate } from "./entities/certificate.ts";
import type { sni } from "./entities/sni.ts";
import type { Good } from "./good.ts";
import type { Directory } from "./names.ts";
import { formatPath } from "./problem.ts";
import type { Report } from "./report.ts";

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
    return [{ name: directory.id(instance), cert, key, serverNames }];
  });
}

/** Clients ask for a server in any case, so that the second of two such names would never be found. */
export function reportEqualServerNames(good: readonly Good[], report: Report): void {
  const seen = new Map<string, { readonly name: string; readonly instance: Instance }>();
  for (const { instance, value } of good.filter((each) => each.instance.entity.name === "sni")) {
    const { name } = value as SniFields; // made by that shape
    const earlier = seen.get(name.toLowerCase());
    if (earlier === undefined) seen.set(name.toLowerCase(), { name, instance });
    else if (earlier.name !== name) {
      const first = `${formatPath(earlier.instance.path)}, line ${report.lineOf([...earlier.instance.path, "name"])}`;
      const message = `another sni has the name but for capitals (${first}), which mean nothing in the name of a server`;
      report.add("error", [...instance.path, "name"], message);
    }
  }
}
