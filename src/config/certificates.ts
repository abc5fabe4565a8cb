/** Reads certificates and keys in PEM, and says what is wrong with them. Nothing of a key is ever in a message. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { Finding } from "../plugins/plugin.ts";

/** Nothing in between has a dash, so that a text of many beginnings is read once, not once for each. */
const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Of a key, in today's form and in OpenSSL's old one. */
const encrypted = /^(?:-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED)/m;

/** The certificates of a text, first the one it is about; or what is wrong with it. */
export function readCertificates(pem: string): readonly X509Certificate[] | string {
  const blocks = pem.match(block);
  if (blocks === null) {
    const isKey = pem.includes("PRIVATE KEY-----");
    const found = isKey ? "holds a key, and no certificate" : "holds no certificate";
    return `${found}: expected PEM, which begins with -----BEGIN CERTIFICATE-----`;
  }
  try {
    return blocks.map((each) => new X509Certificate(each));
  } catch {
    // OpenSSL's own words name places in the encoding, which help nobody.
    return "cannot be read as a certificate: what is between BEGIN and END is damaged, or was wrapped anew";
  }
}

/** A private key; or what is wrong with the text. */
export function readKey(pem: string): KeyObject | string {
  if (!pem.includes("PRIVATE KEY-----")) {
    return "holds no private key: expected PEM, which begins with -----BEGIN PRIVATE KEY-----";
  }
  if (encrypted.test(pem)) {
    return "is encrypted with a passphrase: decrypt it first, e.g. with openssl pkey -in FILE";
  }
  try {
    return createPrivateKey(pem);
  } catch {
    return "cannot be read as a private key: what is between BEGIN and END is damaged, or of a kind that is not known";
  }
}

/** SHA-256 of a certificate, as Kong writes it: 64 lower-case hexadecimal digits. */
export function digestOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(":", "").toLowerCase();
}

/** What is wrong with a certificate and its key in the fields of these names. */
export function checkPair(
  cert: { readonly field: string; readonly text: string },
  key: { readonly field: string; readonly text: string },
): readonly Finding[] {
  const certificates = readCertificates(cert.text);
  const privateKey = readKey(key.text);
  const findings: Finding[] = [];
  const fault = (field: string, message: string) =>
    findings.push({ severity: "error", path: [field], message });
  if (typeof certificates === "string") fault(cert.field, certificates);
  if (typeof privateKey === "string") fault(key.field, privateKey);
  if (typeof certificates === "string" || typeof privateKey === "string") return findings;
  const owner = certificates.findIndex((each) => each.checkPrivateKey(privateKey));
  if (owner > 0)
    fault(
      cert.field,
      `has the key's certificate as number ${owner + 1}: put it first, those that vouch for it after it`,
    );
  if (owner === -1)
    fault(key.field, `is not the key of the certificate in ${cert.field}: give the two that belong together`);
  return findings;
}
