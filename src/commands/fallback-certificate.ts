/** The certificate of `--ssl-cert`: shown to clients for whom the config has none. */
import { readFileSync } from "node:fs";
import { checkPair } from "../config/certificates.ts";
import type { Config } from "../config/config.ts";
import type { ServedCertificate } from "../http/server-certificates.ts";
import type { CertificateFiles, ProcessSettings } from "./settings.ts";

/**
 * Reads both files, as they are now; undefined where there are none, or nothing speaks TLS. Throws an `Error` that names the
 * setting and the file, with nothing of the key in it.
 */
export function readFallback({
  proxyListenSsl,
  sslCert,
}: Pick<ProcessSettings, "proxyListenSsl" | "sslCert">): ServedCertificate | undefined {
  return proxyListenSsl === undefined || sslCert === undefined ? undefined : readPair(sslCert);
}

/** The config with that certificate behind all others, under `*`; without it where the config has one under `*` itself. */
export function withFallback(config: Config, fallback: ServedCertificate | undefined): Config {
  const { certificates } = config;
  const isShown = !certificates.some(({ serverNames }) => serverNames.includes("*"));
  return fallback !== undefined && isShown
    ? { ...config, certificates: [...certificates, fallback] }
    : config;
}

function readPair(files: CertificateFiles): ServedCertificate {
  const cert = readPem("--ssl-cert", files.cert);
  const key = readPem("--ssl-cert-key", files.key);
  const certPlace = { field: `--ssl-cert ${files.cert}`, text: cert };
  const [fault] = checkPair(certPlace, { field: `--ssl-cert-key ${files.key}`, text: key });
  if (fault !== undefined) throw new Error(`${fault.path.join()} ${fault.message}`);
  return { name: certPlace.field, cert, key, serverNames: ["*"] };
}

function readPem(flag: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${flag} ${path} cannot be read: ${reason}`, { cause });
  }
}
