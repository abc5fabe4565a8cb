/** Clients that speak TLS to the gateway: certificates by server name, routes for https, the same service as in plain. */
import type { IncomingHttpHeaders } from "node:http";
import { Agent, request } from "node:https";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hello } from "../support/ask.ts";
import { type Stack, startStack, until } from "../support/gateway.ts";
import { type ConfigObject, chatConfig, chatUrl, openaiTarget } from "../support/gateway-config.ts";
import { startUpstream, type Upstream } from "../support/http-upstream.ts";
import { askSecure, openSecure, pairOf, pem, shownTo } from "../support/secure-client.ts";

const certificateOf = (pair: "server" | "client" | "rsa", ...snis: string[]): ConfigObject => ({
  ...pairOf(pair),
  snis: snis.map((name) => ({ name })),
});
const certificates = [certificateOf("server", "localhost", "*.b.example"), certificateOf("client", "c.*")];

/** Answers with the headers it got. */
let service: Upstream;
let config: (certificates: readonly ConfigObject[], url: string) => ConfigObject;
let stack: Stack;
let port: number;
beforeAll(async () => {
  service = await startUpstream((asked, response) => response.end(JSON.stringify(asked.headers)));
  const routes = [
    { name: "both", paths: ["/both"] },
    { name: "secure", paths: ["/secure"], protocols: ["https"] },
    { name: "moved", paths: ["/moved"], protocols: ["https"], https_redirect_status_code: 308 },
    { name: "plain", paths: ["/plain"], protocols: ["http"] },
    { name: "named", paths: ["/both"], snis: ["x.b.example"], protocols: ["https"] },
  ].map((route) => ({ ...route, service: "s" }));
  config = (shown, url) => {
    const chat = chatConfig([openaiTarget(chatUrl(url))]) as {
      routes: ConfigObject[];
      services?: ConfigObject[];
    };
    return {
      ...chat,
      services: [...(chat.services ?? []), { name: "s", url: service.url }],
      routes: [...(chat.routes ?? []), ...routes],
      certificates: shown,
    };
  };
  stack = await startStack({ config: (url) => config(certificates, url), isSecure: true });
  port = stack.gateway.secure?.port ?? 0;
});
afterAll(async () => {
  await stack.close();
  await service.close();
});

const headersOf = (text: string) => JSON.parse(text) as IncomingHttpHeaders;

describe("a gateway that speaks TLS", () => {
  it("shows each name its certificate, those of a new config after a reload, and refuses the others", async () => {
    expect(await shownTo(port, "localhost")).toBe("localhost");
    expect(await shownTo(port, "a.b.example")).toBe("localhost");
    expect(await shownTo(port, "c.example")).toBe("postgres");
    for (const attempt of [1, 2])
      expect(await shownTo(port, "d\n.test"), `${attempt}`).toMatch(/unrecognized name/);
    const warnings = stack.log.filter(({ message }) => message.startsWith("TLS refused"));
    expect(warnings).toMatchObject([{ level: "warn", facts: { serverName: "d?.test", count: 1 } }]);

    const kept = await openSecure(port);
    await stack.reload((url) =>
      config([certificateOf("client", "localhost"), certificateOf("server", "*")], url),
    );
    expect(await shownTo(port, "localhost")).toBe("postgres");
    expect(await shownTo(port, "d.test")).toBe("localhost");
    expect(await shownTo(port, "")).toBe("localhost");
    let answer = "";
    kept.on("data", (bytes) => {
      answer += bytes.toString();
    });
    kept.write("GET /both HTTP/1.1\r\nhost: a\r\n\r\n");
    await until(() => answer.startsWith("HTTP/1.1 200"), "an answer on the connection from before");
    kept.destroy();
    await stack.reload((url) => config(certificates, url));
    expect(await shownTo(port, "localhost")).toBe("localhost");
  });

  it("serves models, whole and as streams, on connections that are kept", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: pem("ca.crt"), servername: "localhost" });
    const chat = (body: object) =>
      new Promise<{ text: string; id: string; chunks: number; isReused: boolean }>((resolve, reject) => {
        const asked = request(
          { port, host: "127.0.0.1", path: "/chat", method: "POST", agent, headers: { host: "api.example" } },
          async (response) => {
            let text = "";
            let chunks = 0;
            for await (const chunk of response) {
              text += String(chunk);
              chunks++;
            }
            const id = String(response.headers["x-kong-request-id"]);
            resolve({ text, id, chunks, isReused: asked.reusedSocket });
          },
        );
        asked.on("error", reject);
        asked.end(JSON.stringify(body));
      });
    stack.simulator.behave({ behaviour: { outputTokens: 5, perTokenMs: 5 } });
    const whole = await chat(hello);
    expect(JSON.parse(whole.text)).toMatchObject({ object: "chat.completion" });
    const streamed = await chat({ ...hello, stream: true });
    expect(streamed.text.endsWith("data: [DONE]\n\n")).toBe(true);
    expect(streamed.chunks).toBeGreaterThan(2);
    expect(streamed.isReused).toBe(true);
    agent.destroy();
    stack.simulator.reset();
    expect((await stack.recordOf(streamed.id)).request).toMatchObject({
      url: "https://api.example/chat",
      tls: { version: "TLSv1.3", cipher: expect.stringMatching(/^TLS_AES_/), client_verify: "NONE" },
    });
  });

  it("tells services how the client came", async () => {
    const secure = headersOf((await askSecure(port, { path: "/both" })).text);
    expect(secure).toMatchObject({ "x-forwarded-proto": "https", "x-forwarded-port": String(port) });
    const named = await askSecure(port, { path: "/both", headers: { host: "api.example" } });
    expect(headersOf(named.text)).toMatchObject({ "x-forwarded-proto": "https", "x-forwarded-port": "443" });
    const plain = await stack.send({ path: "/both", method: "GET" });
    expect(headersOf(plain.text)).toMatchObject({ "x-forwarded-proto": "http" });
    expect((await plain.record()).request.tls).toBeUndefined();
  });
});

describe("a route", () => {
  it("for https alone asks plain clients for it, and lets nothing through", async () => {
    const answer = await stack.send({ path: "/secure?x=1", body: { a: 1 } });
    expect([answer.status, answer.headers["upgrade"]]).toEqual([426, "TLS/1.2, HTTP/1.1"]);
    expect(answer.headers["connection"]).toMatch(/^Upgrade\b/);
    expect(answer.json()).toMatchObject({ message: "Please use HTTPS protocol" });
    expect(await answer.record()).toMatchObject({
      route: { name: "secure" },
      tries: [],
      upstream_status: undefined,
    });
    expect((await askSecure(port, { path: "/secure" })).status).toBe(200);
  });

  it("for https alone sends them there where it says so", async () => {
    const answer = await stack.send({
      path: "/moved/a?x=1",
      method: "GET",
      headers: { host: "api.example:8000" },
    });
    expect([answer.status, answer.headers["location"], answer.text]).toEqual([
      308,
      "https://api.example/moved/a?x=1",
      "",
    ]);
    expect((await askSecure(port, { path: "/moved/a" })).status).toBe(200);
  });

  it("for http alone is not there over TLS", async () => {
    expect((await stack.send({ path: "/plain", method: "GET" })).status).toBe(200);
    expect(await askSecure(port, { path: "/plain" })).toMatchObject({ status: 404 });
  });

  it("for https alone is served where a proxy in front that is trusted has spoken it", async () => {
    const behind = await startStack({ config: (url) => config([], url), trustedIps: ["127.0.0.0/8"] });
    const told = { "x-forwarded-proto": "https", "x-forwarded-port": "443", "x-real-ip": "203.0.113.9" };
    const answer = await behind.send({ path: "/secure", method: "GET", headers: told });
    expect(headersOf(answer.text)).toMatchObject(told);
    expect((await answer.record()).client_ip).toBe("203.0.113.9");
    expect((await behind.send({ path: "/secure", method: "GET" })).status).toBe(426);
    await behind.close();
    const stranger = await stack.send({ path: "/secure", method: "GET", headers: told });
    expect([stranger.status, (await stranger.record()).client_ip]).toEqual([426, "127.0.0.1"]);
  });

  it("with server names is for those that asked for them", async () => {
    const routeOf = async (servername: string) => {
      const { headers } = await askSecure(port, { path: "/both", servername });
      return (await stack.recordOf(String(headers["x-kong-request-id"]))).route?.name;
    };
    expect(await routeOf("x.b.example")).toBe("named");
    expect(await routeOf("y.b.example")).toBe("both");
    const plain = await stack.send({ path: "/both", method: "GET", headers: { host: "x.b.example" } });
    expect((await plain.record()).route?.name).toBe("both");
  });
});
