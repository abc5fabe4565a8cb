import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { errors, lines, load } from "../../../test/support/load-config.ts";

const pem = (name: string) =>
  readFileSync(new URL(`../../../test/fixtures/tls/${name}`, import.meta.url), "utf8");
const [ca, otherCa, client, clientKey, serverKey] = [
  "ca.crt",
  "other-ca.crt",
  "client.crt",
  "client.key",
  "server.key",
].map(pem);
const id = "7f1f5d9f-45f2-4b7b-9c7e-0d2b6f7f2a10";
const caId = "11111111-45f2-4b7b-9c7e-0d2b6f7f2a10";

/** JSON is YAML. */
const file = (content: object) => JSON.stringify({ _format_version: "3.0", ...content });
const certificate = (fields: object) =>
  file({ certificates: [{ id, cert: client, key: clientKey, ...fields }] });
const authority = (fields: object) => file({ ca_certificates: [{ id: caId, cert: ca, ...fields }] });

describe("a certificate", () => {
  it("with its key, its chain and its server names is good", () => {
    const text = certificate({ cert: `${client}${ca}`, snis: [{ name: "a.example" }, "*.b.example"] });
    expect(lines(text)).toEqual([]);
    expect(load(text).config?.certificates).toEqual([
      {
        name: id,
        cert: `${client}${ca}`,
        key: clientKey,
        serverNames: ["a.example", "*.b.example"],
      },
    ]);
  });

  it("has its server names beside it too, and is not shown without one", () => {
    const names = ["*", "a", "a.*", "*.b.c"].map((name) => ({ name, certificate: { id } }));
    const of = (snis: readonly object[]) =>
      load(file({ certificates: [{ id, cert: client, key: clientKey }], snis })).config?.certificates;
    expect(of(names)).toMatchObject([{ serverNames: ["*", "a", "a.*", "*.b.c"] }]);
    expect(of([])).toEqual([]);
  });

  it("may have words before its key, and a text of nothing but beginnings is read at once", () => {
    expect(lines(certificate({ key: `# not ENCRYPTED\n${clientKey}` }))).toEqual([]);
    // Each of them searched to the end took 30 s.
    const beginnings = "-----BEGIN CERTIFICATE-----\n".repeat(40_000);
    expect(errors(load(certificate({ cert: beginnings })))[0]).toContain("cert: holds no certificate");
  });

  it("tells that a second one is not shown", () => {
    const [second] = lines(certificate({ cert_alt: client, key_alt: clientKey }));
    expect(second).toContain("notice: certificates[0].cert_alt: accepted, not acted on yet");
  });

  it.each([
    [{ cert: "x" }, "cert: holds no certificate: expected PEM"],
    [{ cert: clientKey }, "cert: holds a key, and no certificate"],
    [{ cert: client?.replace(/\n(\w)/g, "\n!") }, "cert: cannot be read as a certificate"],
    [{ key: client }, "key: holds no private key: expected PEM"],
    [{ key: clientKey?.replace(/\n(.)/g, "\n!") }, "key: cannot be read as a private key"],
    [{ key: "-----BEGIN ENCRYPTED PRIVATE KEY-----" }, "key: is encrypted with a passphrase"],
    [
      { key: "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n" },
      "key: is encrypted with a passphrase",
    ],
    [{ key: serverKey }, "key: is not the key of the certificate in cert"],
    [{ cert: `${ca}${client}` }, "cert: has the key's certificate as number 2: put it first"],
    [{ cert_alt: client }, "key_alt: all or none of these fields must be set"],
    [{ cert_alt: client, key_alt: serverKey }, "key_alt: is not the key of the certificate in cert_alt"],
    [{ snis: ["*.a.*"] }, "snis[0].name: must be a server name"],
    [{ snis: ["a.*.b"] }, "snis[0].name: must be a server name"],
    [{ snis: ["a b"] }, "snis[0].name: must be a server name"],
    [{ snis: [7] }, "snis[0].name: "],
    [{ snis: ["a", "a"] }, "snis[1].name: another sni has the name `a` already"],
    [{ snis: ["a.Example", "A.example"] }, "snis[1].name: another sni has the name but for capitals"],
  ])("with %j is refused", (fields, message) => {
    const found = errors(load(certificate(fields)));
    expect(found).toEqual([expect.stringContaining(message)]);
    const [, secret = ""] = (clientKey ?? "").split("\n");
    expect(found.join()).not.toContain(secret.slice(0, 20));
  });

  it("that is not there is missed once", () => {
    const text = certificate({ key: '${{ env "DECK_NO_KEY" }}' });
    expect(errors(load(text))).toHaveLength(1);
  });
});

describe("an authority", () => {
  const digest = new X509Certificate(ca ?? "").fingerprint256.replaceAll(":", "").toLowerCase();

  it("is good without its digest, or with it", () => {
    expect(lines(authority({}))).toEqual([]);
    expect(digest).toMatch(/^[\da-f]{64}$/);
    expect(lines(authority({ cert_digest: digest }))).toEqual([]);
  });

  it.each([
    [{ cert: client }, "cert: is no authority's certificate: it lacks the basic constraint CA"],
    [{ cert: `${ca}${otherCa}` }, "cert: holds 2 certificates: give each an entity of its own"],
    [{ cert: "" }, "cert: "],
    [{ cert_digest: "00" }, "cert_digest: is not the certificate's, which is"],
  ])("with %j is refused", (fields, message) => {
    expect(errors(load(authority(fields)))).toEqual([expect.stringContaining(message)]);
  });
});

describe("the TLS of a service", () => {
  const withService = (service: object) =>
    file({
      services: [{ name: "s", ...service }],
      certificates: [{ id, cert: client, key: clientKey }],
      ca_certificates: [{ id: caId, cert: ca }],
      upstreams: [{ name: "api", client_certificate: id }],
    });
  const tlsOf = (service: object) => load(withService(service)).config?.services[0]?.tls;

  it("has what it names", () => {
    const url = "https://a";
    expect(tlsOf({ url })).toBeUndefined();
    expect(tlsOf({ url, tls_verify: false })).toMatchObject({ verify: false });
    expect(tlsOf({ url, ca_certificates: [caId], client_certificate: { id } })).toMatchObject({
      verify: true,
      authorities: [ca],
      clientCertificate: { cert: client, key: clientKey },
    });
  });

  it("has its upstream's certificate where it names none", () => {
    expect(tlsOf({ url: "https://api" })).toMatchObject({ clientCertificate: { cert: client } });
  });

  it("is refused without TLS, and where it leads nowhere", () => {
    expect(errors(load(withService({ host: "a", tls_verify: true })))).toEqual([
      expect.stringContaining("tls_verify: is about TLS, which the protocol http does not use"),
    ]);
    expect(errors(load(withService({ url: "https://a", ca_certificates: [id] })))).toEqual([
      expect.stringContaining("ca_certificates[0]: there is no ca certificate"),
    ]);
  });
});
