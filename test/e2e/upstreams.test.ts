/** Upstreams in front of real servers: shares, retries, health, and what a reload leaves as it is. */
import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { type Stack, startStack, until } from "../support/gateway.ts";
import type { ConfigObject } from "../support/gateway-config.ts";
import { bodyOf, startUpstream, type Upstream } from "../support/http-upstream.ts";
import { codeBlocks } from "../support/readme.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

interface Server extends Upstream {
  status: number;
  /** Host headers of the requests, checks aside. */
  readonly hosts: string[];
}

/** Answers with its name, and takes the paths under `/health` for checks. */
async function startServer(name: string, handle?: RequestListener): Promise<Server> {
  const hosts: string[] = [];
  const server: { status: number; hosts: string[] } = { status: 200, hosts };
  const upstream = await startUpstream(async (request, response) => {
    if (request.url !== "/health") hosts.push(request.headers.host ?? "");
    if (handle !== undefined) return handle(request, response);
    const body = await bodyOf(request);
    response.writeHead(server.status, { "set-cookie": "own=1" }).end(`${name} ${body.toString()}`);
  });
  open.push(upstream);
  return Object.assign(server, upstream);
}

const address = ({ port }: { readonly port: number }) => `127.0.0.1:${port}`;

interface Facts {
  readonly upstream?: ConfigObject;
  readonly service?: ConfigObject;
  readonly route?: ConfigObject;
}

function config(targets: readonly ConfigObject[], { route, service, upstream }: Facts = {}): ConfigObject {
  return {
    _format_version: "3.0",
    services: [
      { name: "s", host: "api.internal", ...service, routes: [{ name: "r", paths: ["/api"], ...route }] },
    ],
    upstreams: [{ name: "api.internal", targets, ...upstream }],
  };
}

async function start(targets: readonly ConfigObject[], facts?: Facts): Promise<Stack> {
  const stack = await startStack({ config: config(targets, facts) });
  open.push(stack);
  return stack;
}

const get = (stack: Stack, headers: Record<string, string> = {}) =>
  stack.send({ path: "/api", method: "GET", headers });

describe("an upstream", () => {
  it("shares requests by weight, each target called by its own name", async () => {
    const [a, b] = [await startServer("a"), await startServer("b")];
    const stack = await start([
      { target: address(a), weight: 30 },
      { target: address(b), weight: 10 },
    ]);
    for (let count = 0; count < 20; count++) expect((await get(stack)).status).toBe(200);
    expect([a.hosts.length, b.hosts.length]).toEqual([15, 5]);
    expect(new Set(a.hosts)).toEqual(new Set([address(a)]));
    expect(stack.gateway.upstreamTargets()).toMatchObject([
      { upstream: "api.internal", name: address(a), attempts: 15, failed: 0, inFlight: 0, breaker: "off" },
      { name: address(b), attempts: 5 },
    ]);
  });

  it("sends host_header in place of it, and the client's where the route keeps that", async () => {
    const a = await startServer("a");
    const upstream = { host_header: "api.example" };
    await get(await start([{ target: address(a) }], { upstream }), { host: "client.example" });
    const kept = await start([{ target: address(a) }], { upstream, route: { preserve_host: true } });
    await get(kept, { host: "client.example" });
    expect(a.hosts).toEqual(["api.example", "client.example"]);
  });

  it("retries a dead target's requests on another, body and all, and takes it out", async () => {
    const a = await startServer("a");
    const dead = `127.0.0.1:${await freePort()}`;
    const stack = await start([{ target: dead }, { target: address(a) }], {
      upstream: { healthchecks: { passive: { unhealthy: { tcp_failures: 2 } } } },
    });
    for (let count = 0; count < 8; count++) {
      const answer = await stack.send({ path: "/api", body: `hello ${count}` });
      expect([answer.status, answer.text]).toEqual([200, `a hello ${count}`]);
    }
    expect(stack.gateway.upstreamTargets()).toMatchObject([
      { name: dead, breaker: "open", attempts: 2, failed: 2 },
      { breaker: "closed", attempts: 8 },
    ]);
    const tries = (await (await get(stack)).record()).tries;
    expect(tries).toHaveLength(1);
    const left = stack.log.filter(({ message }) => message.startsWith("passive check"));
    expect(left).toMatchObject([{ level: "warn", facts: { upstream: "api.internal", target: dead } }]);
  });

  it("retries no more often than the service allows", async () => {
    const a = await startServer("a");
    const dead = { target: `127.0.0.1:${await freePort()}`, weight: 60000 };
    const stack = await start([dead, { target: address(a), weight: 1 }], { service: { retries: 0 } });
    expect((await get(stack)).status).toBe(502);
    const alone = await start([dead], { service: { retries: 2 } });
    const answer = await get(alone);
    expect(answer.status).toBe(502);
    expect((await answer.record()).tries).toHaveLength(3);
  });

  it("takes a target out for its statuses and its silence", async () => {
    const [a, b] = [await startServer("a"), await startServer("b")];
    const mute = await startServer("mute", () => undefined);
    const stack = await start(
      [a, b, mute].map((each) => ({ target: address(each) })),
      {
        service: { read_timeout: 1_000 },
        upstream: { healthchecks: { passive: { unhealthy: { http_failures: 2, timeouts: 1 } } } },
      },
    );
    b.status = 503;
    for (let count = 0; count < 9; count++) await get(stack);
    expect(stack.gateway.upstreamTargets().map(({ breaker }) => breaker)).toEqual(["closed", "open", "open"]);
    expect(mute.hosts).toHaveLength(1);
    for (let count = 0; count < 4; count++) expect((await get(stack)).text).toBe("a ");
  });

  it("without a target that may be used is answered in Kong's words", async () => {
    const answer = await get(await start([]));
    expect(answer.status).toBe(503);
    expect(answer.json()).toMatchObject({ message: "failure to get a peer from the ring-balancer" });
    expect(answer.headers["retry-after"]).toBeUndefined();
    const a = await startServer("a");
    a.status = 500;
    const stack = await start([{ target: address(a) }], {
      upstream: { healthchecks: { passive: { unhealthy: { http_failures: 1 } } } },
    });
    expect((await get(stack)).status).toBe(500);
    const refused = await get(stack);
    expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "10"]);
  });

  it("falls over to a failover target, and only then", async () => {
    const [spare, a] = [await startServer("spare"), await startServer("a")];
    const stack = await start([{ target: address(spare), failover: true }, { target: address(a) }]);
    for (let count = 0; count < 3; count++) expect((await get(stack)).text).toBe("a ");
    await a.close();
    open.splice(open.indexOf(a), 1);
    expect((await get(stack)).text).toBe("spare ");
  });

  it("keeps clients on their target by header and by cookie", async () => {
    const servers = [await startServer("a"), await startServer("b"), await startServer("c")];
    const targets = servers.map((each) => ({ target: address(each) }));
    const byHeader = await start(targets, { upstream: { hash_on: "header", hash_on_header: "x-user" } });
    const textsFor = async (stack: Stack, headers: Record<string, string>) => {
      const texts = new Set<string>();
      for (let count = 0; count < 5; count++) texts.add((await get(stack, headers)).text);
      return texts;
    };
    for (const user of ["ann", "bob", "eve"])
      expect((await textsFor(byHeader, { "x-user": user })).size).toBe(1);
    const sticky = await start(targets, {
      upstream: { algorithm: "sticky-sessions", sticky_sessions_cookie: "where" },
    });
    const first = await get(sticky);
    const cookies = first.headers["set-cookie"];
    expect(cookies).toEqual(["own=1", expect.stringMatching(/^where=[\da-f]+; Path=\/; HttpOnly$/)]);
    const cookie = String(cookies?.[1]).split(";")[0] ?? "";
    expect(await textsFor(sticky, { cookie })).toEqual(new Set([first.text]));
  });
});

describe("the guide's example", () => {
  it("does what the guide says", async () => {
    const guide = readFileSync(new URL("../../docs/guide/upstreams.md", import.meta.url), "utf8");
    const [one, two, three] = [await startServer("one"), await startServer("two"), await freePort()];
    const [example = ""] = codeBlocks(guide, "yaml");
    const stack = await startStack({
      config: example
        .replace("9001", `${one.port}`)
        .replace("9002", `${two.port}`)
        .replace("9003", `${three}`),
    });
    open.push(stack);
    for (let count = 0; count < 4; count++) expect((await get(stack)).status).toBe(200);
    const attempts = stack.gateway.upstreamTargets().map((target) => target.attempts);
    expect(attempts).toEqual([3, 1, 0]);
  });
});

describe("active checks", () => {
  const healthchecks = {
    active: {
      http_path: "/health",
      healthy: { interval: 0.05, successes: 1 },
      unhealthy: { interval: 0.05, http_failures: 2 },
    },
  };

  it("take a target out and back, over a reload that leaves it as it is", async () => {
    const [a, b] = [await startServer("a"), await startServer("b")];
    const targets = [{ target: address(a) }, { target: address(b) }];
    const stack = await start(targets, { upstream: { healthchecks } });
    const healthy = () => stack.gateway.upstreamTargets()[0]?.healthy;
    a.status = 500;
    await until(() => healthy() === false, "two bad answers");
    for (let count = 0; count < 4; count++) expect((await get(stack)).text).toBe("b ");
    await stack.reload(
      config([{ target: address(a), weight: 900 }, { target: address(b) }], { upstream: { healthchecks } }),
    );
    expect(healthy()).toBe(false);
    expect((await get(stack)).text).toBe("b ");
    a.status = 200;
    await until(() => healthy() === true, "a good answer");
    expect((await get(stack)).text).toBe("a ");
    const said = stack.log.filter(({ message }) => message.startsWith("active check"));
    expect(said.map(({ level }) => level)).toEqual(["warn", "info"]);
  });

  it("bring back what passive checks took out", async () => {
    const a = await startServer("a", (request, response) => {
      response.writeHead(request.url === "/health" ? 200 : 500).end();
    });
    const stack = await start([{ target: address(a) }], {
      upstream: { healthchecks: { ...healthchecks, passive: { unhealthy: { http_failures: 1 } } } },
    });
    expect((await get(stack)).status).toBe(500);
    await until(() => stack.log.some(({ message }) => message.includes("is well")), "the check");
    expect((await get(stack)).status).toBe(500);
  });

  it("of the type tcp connect, and notice when that fails", async () => {
    const a = await startServer("a");
    const stack = await start([{ target: address(a) }], {
      upstream: {
        healthchecks: {
          active: {
            type: "tcp",
            healthy: { interval: 0.05, successes: 1 },
            unhealthy: { interval: 0.05, tcp_failures: 1 },
          },
        },
      },
    });
    const healthy = () => stack.gateway.upstreamTargets()[0]?.healthy;
    expect(healthy()).toBe(true);
    await a.close();
    open.splice(open.indexOf(a), 1);
    await until(() => healthy() === false, "a failed connection");
    expect(a.hosts).toEqual([]);
  });
});
