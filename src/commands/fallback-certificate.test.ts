import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { pem } from "../../test/support/secure-client.ts";
import { readFallbackCertificate } from "./fallback-certificate.ts";

const file = (name: string) => fileURLToPath(new URL(`../../test/fixtures/tls/${name}`, import.meta.url));
const read = (cert: string, key: string) => readFallbackCertificate({ cert: file(cert), key: file(key) });

describe("the certificate of --ssl-cert", () => {
  it("is what the files hold", () => {
    expect(read("server.crt", "server.key")).toMatchObject({
      cert: pem("server.crt"),
      key: pem("server.key"),
      serverNames: [],
    });
  });

  it.each([
    ["nothing.crt", "server.key", /^--ssl-cert .*nothing\.crt cannot be read: ENOENT/],
    ["server.crt", "nothing.key", /^--ssl-cert-key .*nothing\.key cannot be read: ENOENT/],
    ["README.md", "server.key", /^--ssl-cert .*README\.md holds no certificate: expected PEM/],
    ["server.crt", "server.crt", /^--ssl-cert-key .*server\.crt holds no private key/],
    [
      "server.crt",
      "client.key",
      /^--ssl-cert-key .*client\.key is not the key of the certificate in --ssl-cert /,
    ],
  ])("%s with the key %s is refused by its file", (cert, key, message) => {
    expect(() => read(cert, key)).toThrow(message);
  });
});
