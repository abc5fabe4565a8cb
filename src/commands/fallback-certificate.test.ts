import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { configOf } from "../../test/support/fake-plugins.ts";
import { pairOf, pem } from "../../test/support/secure-client.ts";
import { readFallback, withFallback } from "./fallback-certificate.ts";

const file = (name: string) => fileURLToPath(new URL(`../../test/fixtures/tls/${name}`, import.meta.url));
const proxyListenSsl = { host: "127.0.0.1", port: 0 };
const read = (cert: string, key: string) =>
  readFallback({ proxyListenSsl, sslCert: { cert: file(cert), key: file(key) } });

describe("the certificate of --ssl-cert", () => {
  it("is what the files hold", () => {
    expect(read("server.crt", "server.key")).toMatchObject({
      cert: pem("server.crt"),
      key: pem("server.key"),
      serverNames: ["*"],
    });
  });

  it("is not asked for where nobody would see it", () => {
    const sslCert = { cert: "nothing", key: "nothing" };
    expect(readFallback({ proxyListenSsl: undefined, sslCert })).toBeUndefined();
    expect(readFallback({ proxyListenSsl, sslCert: undefined })).toBeUndefined();
  });

  it("comes behind those of the config, unless one of them is shown to all that get no other", () => {
    const own = { name: "id", ...pairOf("client"), serverNames: ["a.example"] };
    const config = configOf({ certificates: [own] });
    const fallback = read("server.crt", "server.key");
    expect(withFallback(config, fallback).certificates).toEqual([own, fallback]);
    expect(withFallback(config, undefined)).toBe(config);
    const whole = configOf({ certificates: [{ ...own, serverNames: ["a.example", "*"] }] });
    expect(withFallback(whole, fallback)).toBe(whole);
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
