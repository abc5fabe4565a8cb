/** The way in for clients that speak TLS. */
import { connect, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { getRequest, textReply, useListener } from "../../test/support/listening.ts";
import { openRawClient } from "../../test/support/raw-http.ts";
import { askSecure, openSecure, pairOf, pem, shownTo } from "../../test/support/secure-client.ts";
import { until } from "../../test/support/until.ts";
import { readBody } from "./body.ts";
import { acceptConnections, type ConnectionSource } from "./connection-source.ts";
import type { SecureEntrance } from "./listener.ts";
import {
  compileServerCertificates,
  type ServedCertificate,
  type ServerCertificates,
} from "./server-certificates.ts";
import type { HandshakeFailure } from "./tls-entrance.ts";

const served = (pair: "server" | "client" | "rsa", ...serverNames: string[]): ServedCertificate => ({
  name: pair,
  ...pairOf(pair),
  serverNames,
});

const serve = useListener();
const failures: HandshakeFailure[] = [];
let certificates: ServerCertificates;
let opened: Awaited<ReturnType<typeof serve>>;
afterEach(() => failures.splice(0));

async function open(
  first: ServerCertificates,
  more: { handshakeTimeoutMs?: number; at?: ConnectionSource } = {},
): Promise<SecureEntrance> {
  certificates = first;
  opened = await serve(async ({ request }) => {
    const body = await readBody(request.body, 0, undefined);
    return textReply(`${request.scheme} ${request.tls?.serverName} ${request.clientIp} ${body}`);
  });
  const { at = { host: "127.0.0.1", port: 0 }, ...timing } = more;
  const onFailure = (failure: HandshakeFailure) => void failures.push(failure);
  return opened.listener.openSecure(at, { certificates: () => certificates, onFailure, ...timing });
}

/** Says what a raw client gets and when it is closed. */
async function sendRaw(port: number, bytes: string): Promise<string> {
  const client = await openRawClient(port);
  client.send(bytes);
  await client.closed();
  return client.received;
}

/** What a request on this connection is answered with. */
async function askOn(socket: TLSSocket): Promise<string> {
  let received = "";
  socket.on("data", (bytes) => {
    received += bytes.toString();
  });
  socket.write(getRequest());
  await until(() => received.includes("https "));
  return received;
}

describe("a secure entrance", () => {
  it("shows each name its certificate, and passes on what was asked for", async () => {
    const all = [served("server", "a.example", "*.b.example"), served("client", "x.*", "x.b.example")];
    const { port } = await open(compileServerCertificates([...all, served("rsa", "*")]));
    expect(await shownTo(port, "a.example")).toBe("localhost");
    expect(await shownTo(port, "y.b.example")).toBe("localhost");
    expect(await shownTo(port, "x.b.example")).toBe("postgres");
    expect(await shownTo(port, "X.net")).toBe("postgres");
    expect(await shownTo(port, "other.example")).toBe("rsa.test");
    expect(await shownTo(port, "")).toBe("rsa.test");
    const { text } = await askSecure(port, { servername: "a.example", method: "POST", body: "hello" });
    expect(text).toBe("https a.example 127.0.0.1 hello");
    expect((await askSecure(port, { servername: "" })).text).toBe("https  127.0.0.1 ");
    const plain = await openRawClient(opened.port);
    plain.send(getRequest());
    await plain.receives(/http undefined 127\.0\.0\.1/);
    plain.socket.destroy();
    expect(failures).toEqual([]);
  });

  it("refuses a name for which there is no certificate, and says why", async () => {
    const { port } = await open(compileServerCertificates([served("server", "a.example")]));
    expect(await shownTo(port, "b.example")).toMatch(/unrecognized name/);
    expect(await shownTo(port, "")).toMatch(/handshake failure/);
    expect(await shownTo(port, "", { maxVersion: "TLSv1.2" })).toMatch(/handshake failure/);
    expect(failures).toEqual([
      { kind: "no_certificate", serverName: "b.example" },
      { kind: "no_certificate", serverName: undefined },
      { kind: "no_certificate", serverName: undefined },
    ]);
    expect(await shownTo(port, "a.example")).toBe("localhost");
  });

  it("shows the certificate under * to all that get no other, those that ask for no name too", async () => {
    const all = [served("server", "a.example"), served("client", "*")];
    const { port } = await open(compileServerCertificates([...all, served("rsa", "*")]));
    expect(await shownTo(port, "b.example")).toBe("postgres");
    expect(await shownTo(port, "")).toBe("postgres");
  });

  it("shows new certificates from the next handshake on; open connections go on", async () => {
    const entrance = await open(compileServerCertificates([served("server", "localhost")]));
    const kept = await openSecure(entrance.port);
    certificates = compileServerCertificates([served("client", "localhost")]);
    entrance.renew();
    expect(await shownTo(entrance.port, "localhost")).toBe("postgres");
    expect(await askOn(kept)).toContain("https localhost");
    kept.destroy();
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)("knows by which name clients of %s come back", async (version) => {
    const of = { minVersion: version, maxVersion: version };
    const { port } = await open(compileServerCertificates([served("server", "a.example", "b.example")]));
    const first = await openSecure(port, { ...of, servername: "a.example" });
    expect(await askOn(first)).toContain("https a.example");
    const session = first.getSession();
    first.destroy();
    for (const servername of ["a.example", "b.example"]) {
      const again = await openSecure(port, { ...of, servername, ...(session && { session }) });
      expect(await askOn(again)).toContain(`https ${servername}`);
      again.destroy();
    }
    await expect(
      openSecure(port, { ...of, servername: "c.example", ...(session && { session }) }),
    ).rejects.toThrow(/unrecognized name/);
  });

  it("speaks TLS 1.2 and 1.3, no older one, and HTTP/1.1", async () => {
    const { port } = await open(compileServerCertificates([served("server", "*")]));
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      const socket = await openSecure(port, {
        minVersion: version,
        maxVersion: version,
        ALPNProtocols: ["h2", "http/1.1"],
      });
      expect([socket.getProtocol(), socket.alpnProtocol]).toEqual([version, "http/1.1"]);
      socket.destroy();
    }
    const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    expect(await shownTo(port, "localhost", old)).toMatch(/protocol version|unsupported protocol/);
    expect(await shownTo(port, "localhost", { ALPNProtocols: ["h2"] })).toMatch(/no application protocol/);
  });

  it("ends a handshake that is too slow, however busy it looks", async () => {
    const { port } = await open(compileServerCertificates([served("server", "*")]), {
      handshakeTimeoutMs: 150,
    });
    const client = await openRawClient(port);
    client.send("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    const dripping = setInterval(() => client.send("x"), 10);
    await client.closed();
    clearInterval(dripping);
    expect(failures).toContainEqual({ kind: "broken", reason: "ERR_TLS_HANDSHAKE_TIMEOUT" });
  });

  it("shows those that vouch for a certificate with it", async () => {
    const { cert, key } = pairOf("server");
    const chain = { name: "chain", cert: `${cert}${pem("ca.crt")}`, key, serverNames: ["*"] };
    const { port } = await open(compileServerCertificates([chain]));
    const socket = await openSecure(port);
    expect(socket.getPeerCertificate(true).issuerCertificate.subject.CN).toBe("Sluice test authority");
    socket.destroy();
  });

  it("ends what is no handshake, or none that goes on, and serves the others", async () => {
    const { port } = await open(compileServerCertificates([served("server", "*")]), {
      handshakeTimeoutMs: 150,
    });
    const plain = await sendRaw(port, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    expect(plain).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*was sent to HTTPS port"}$/);
    await sendRaw(port, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(60));
    await sendRaw(port, ""); // says nothing
    await sendRaw(port, "\x16\x03\x01"); // begins, and says no more
    const reset = connect(port, "127.0.0.1");
    await new Promise<void>((resolve) => reset.once("connect", resolve));
    reset.resetAndDestroy();
    await until(() => failures.length === 5);
    expect(failures.map(({ kind }) => kind)).toEqual(Array(5).fill("broken"));
    const reasons = failures.map((failure) => (failure.kind === "broken" ? failure.reason : ""));
    expect(reasons.filter((reason) => reason === "ERR_TLS_HANDSHAKE_TIMEOUT")).toHaveLength(2);
    expect((await askSecure(port)).status).toBe(200);
  });

  it("serves connections that another has accepted, with a client that ends its side at once", async () => {
    const source = await acceptConnections({ host: "127.0.0.1", port: 0 });
    const { port } = await open(compileServerCertificates([served("server", "*")]), { at: source });
    const socket = await openSecure(port);
    let received = "";
    socket.on("data", (bytes) => {
      received += bytes.toString();
    });
    socket.end(getRequest());
    await until(() => received.includes("https localhost 127.0.0.1"));
    socket.destroy();
  });

  it("at a stop closes what is only kept, and what is in a handshake", async () => {
    const { port } = await open(compileServerCertificates([served("server", "*")]));
    const kept = await openSecure(port);
    kept.resume().write(getRequest());
    const silent: Socket = connect(port, "127.0.0.1").resume();
    silent.on("error", () => undefined); // a close follows
    const closed = [kept, silent].map((each) => new Promise((resolve) => each.once("close", resolve)));
    await until(() => opened.ended.length === 1 && !silent.connecting);
    await opened.listener.close(60_000);
    await Promise.all(closed);
    await expect(openSecure(port)).rejects.toThrow(/ECONNREFUSED/);
  });

  it("that cannot be had is refused by its address", async () => {
    await open(compileServerCertificates([]));
    const taken = { host: "127.0.0.1", port: opened.port };
    const options = { certificates: () => certificates, onFailure: () => undefined };
    await expect(opened.listener.openSecure(taken, options)).rejects.toThrow(
      `cannot listen on 127.0.0.1:${taken.port}: `,
    );
  });

  it("makes anew only what has changed", () => {
    const [a, b] = [served("server", "a"), served("client", "b")];
    const first = compileServerCertificates([a, b]);
    const all = [{ ...b, serverNames: ["c"] }, served("rsa", "b"), { ...a, serverNames: ["*"] }];
    const next = compileServerCertificates(all, first);
    expect(next.contextFor("c")).toBe(first.contextFor("b"));
    expect(next.contextFor("x")).toBe(first.contextFor("a"));
    expect([...first.contexts.values()]).not.toContain(next.contextFor("b"));
  });

  it("has no certificate that no handshake could be made with", () => {
    const damaged = { name: "7", cert: "x", key: "y", serverNames: ["a"] };
    expect(() => compileServerCertificates([damaged])).toThrow(
      /^the certificate 7 cannot be shown to clients: .*PEM/,
    );
  });
});
