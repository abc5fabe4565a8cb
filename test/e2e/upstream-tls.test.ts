/** Services over TLS: whom the proxy believes, and what it shows. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Stack, startStack, until } from "../support/gateway.ts";
import type { ConfigObject } from "../support/gateway-config.ts";

const pem = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), "utf8");
const caId = "11111111-45f2-4b7b-9c7e-0d2b6f7f2a10";
const otherCaId = "22222222-45f2-4b7b-9c7e-0d2b6f7f2a10";
const clientId = "33333333-45f2-4b7b-9c7e-0d2b6f7f2a10";
const entities = {
  ca_certificates: [
    { id: caId, cert: pem("ca.crt") },
    { id: otherCaId, cert: pem("other-ca.crt") },
  ],
  certificates: [{ id: clientId, cert: pem("client.crt"), key: pem("client.key") }],
};

/** Says who the client is, and what name it asked for. */
let server: Server;
let port: number;
/** Requests of checks. */
let checked = 0;
beforeAll(async () => {
  const options = {
    cert: pem("server.crt"),
    key: pem("server.key"),
    ca: pem("ca.crt"),
    requestCert: true,
    rejectUnauthorized: false,
  };
  server = createServer(options, (request, response) => {
    const socket = request.socket as TLSSocket; // what an https server hands out
    const subject = socket.authorized ? socket.getPeerCertificate().subject.CN : "nobody";
    if (request.url === "/closed") checked++;
    response.writeHead(request.url === "/closed" && !socket.authorized ? 401 : 200);
    response.end(`${subject} asks ${socket.servername || "no name"}`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port; // it listens on a port
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

let stack: Stack | undefined;
afterEach(() => stack?.close());

async function ask(service: ConfigObject, more: ConfigObject = {}) {
  stack = await startStack({
    config: {
      _format_version: "3.0",
      ...entities,
      services: [{ name: "s", ...service, routes: [{ name: "r", paths: ["/"] }] }],
      ...more,
    },
  });
  return stack.send({ path: "/", method: "GET" });
}

describe("a service over https", () => {
  const url = () => `https://localhost:${port}`;

  it("believes no certificate of an authority it does not know", async () => {
    const answer = await ask({ url: url() });
    expect(answer.status).toBe(502);
    expect((await answer.record()).tries).not.toEqual([]);
  });

  it("believes those of its ca_certificates, and only those", async () => {
    const answer = await ask({ url: url(), ca_certificates: [caId] });
    expect([answer.status, answer.text]).toEqual([200, "nobody asks localhost"]);
    await stack?.close();
    expect((await ask({ url: url(), ca_certificates: [otherCaId] })).status).toBe(502);
  });

  it("looks at the name too", async () => {
    const answer = await ask(
      { protocol: "https", host: "api", ca_certificates: [caId] },
      { upstreams: [{ name: "api", host_header: "other.test", targets: [{ target: `127.0.0.1:${port}` }] }] },
    );
    expect(answer.status).toBe(502);
  });

  it("believes anybody with tls_verify: false", async () => {
    expect((await ask({ url: url(), tls_verify: false })).status).toBe(200);
  });

  it("shows its client_certificate", async () => {
    const answer = await ask({ url: url(), ca_certificates: [caId], client_certificate: clientId });
    expect(answer.text).toBe("postgres asks localhost");
  });

  it("does not share connections with a service that shows none", async () => {
    const routed = (name: string, more: ConfigObject) => ({
      name,
      url: url(),
      ca_certificates: [caId],
      ...more,
      routes: [{ name, paths: [`/${name}`] }],
    });
    stack = await startStack({
      config: {
        _format_version: "3.0",
        ...entities,
        services: [routed("known", { client_certificate: clientId }), routed("plain", {})],
      },
    });
    const text = async (path: string) => (await stack?.send({ path, method: "GET" }))?.text;
    expect(await text("/known")).toContain("postgres");
    expect(await text("/plain")).toContain("nobody");
    expect(await text("/known")).toContain("postgres");
  });
});

describe("an upstream over https", () => {
  it("shows its own certificate to targets and in checks, and asks for the name of host_header", async () => {
    const answer = await ask(
      { protocol: "https", host: "api", ca_certificates: [caId] },
      {
        upstreams: [
          {
            name: "api",
            host_header: "redis.test",
            client_certificate: clientId,
            targets: [{ target: `127.0.0.1:${port}` }],
            healthchecks: {
              active: {
                type: "https",
                http_path: "/closed",
                https_verify_certificate: false,
                healthy: { interval: 0.05, successes: 1 },
                unhealthy: { interval: 0.05, http_failures: 1, http_statuses: [401] },
              },
              passive: { unhealthy: { tcp_failures: 1 } },
            },
          },
        ],
      },
    );
    expect(answer.text).toBe("postgres asks redis.test");
    const before = checked;
    await until(() => checked >= before + 3, "three checks");
    expect(stack?.gateway.upstreamTargets()).toMatchObject([{ healthy: true }]);
  });

  it("takes out a target whose certificate its checks do not believe", async () => {
    await ask(
      { protocol: "https", host: "api", tls_verify: false },
      {
        upstreams: [
          {
            name: "api",
            targets: [{ target: `127.0.0.1:${port}` }],
            healthchecks: {
              active: {
                type: "https",
                https_sni: "localhost",
                healthy: { interval: 0.05, successes: 1 },
                unhealthy: { interval: 0.05, tcp_failures: 1 },
              },
            },
          },
        ],
      },
    );
    await until(() => stack?.gateway.upstreamTargets()[0]?.healthy === false, "a failed check");
  });
});
