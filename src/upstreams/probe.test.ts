import { afterEach, describe, expect, it } from "vitest";
import { freePort } from "../../test/support/free-port.ts";
import { startDeafUpstream, startUpstream } from "../../test/support/http-upstream.ts";
import { later } from "../../test/support/later.ts";
import { createUpstreamClient } from "../http/upstream-client.ts";
import { systemSchedule } from "../util/schedule.ts";
import { healthchecksBlock } from "./healthchecks.ts";
import { createProbe } from "./probe.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

function probe(port: number, active: object, hostHeader?: string) {
  const upstream = createUpstreamClient();
  open.push(upstream);
  const target = { address: { host: "127.0.0.1", port }, hostHeader, clientCertificate: undefined };
  const { active: checks } = healthchecksBlock.parse({ active });
  return createProbe(target, checks, { upstream, schedule: systemSchedule });
}

const never = new AbortController().signal;

async function server(...parameters: Parameters<typeof startUpstream>) {
  const made = await startUpstream(...parameters);
  open.push(made);
  return made;
}

describe("a question to a target", () => {
  it("is a GET with the headers of the config, and the Host header of the upstream", async () => {
    const seen: unknown[] = [];
    const { port } = await server(({ headers, method, url }, response) => {
      seen.push([method, url, headers.host, headers["x-a"]]);
      response.end();
    });
    await probe(port, {})(never);
    await probe(port, { http_path: "/up?x=1", headers: { "X-A": ["1", "2"] } }, "api.example")(never);
    await probe(port, { headers: { Host: ["own.example"] } }, "api.example")(never);
    expect(seen).toEqual([
      ["GET", "/", `127.0.0.1:${port}`, undefined],
      ["GET", "/up?x=1", "api.example", "1, 2"],
      ["GET", "/", "own.example", undefined],
    ]);
  });

  it("leaves out headers that are the connection's, and those without a value", async () => {
    const seen: unknown[] = [];
    const { port } = await server(({ headers }, response) => {
      seen.push([headers.host, headers.connection, headers["content-length"], headers["x-a"]]);
      response.end();
    });
    const headers = { Connection: ["close"], "Content-Length": ["5"], Expect: ["x"], Host: [], "X-A": [] };
    expect(await probe(port, { headers })(never)).toBe("good");
    expect(seen).toEqual([[`127.0.0.1:${port}`, "keep-alive", undefined, undefined]]);
  });

  it("does not listen for ever to an answer that goes on and on", async () => {
    const ended = later<undefined>();
    const { port } = await server((_, response) => {
      const timer = setInterval(() => response.write("."), 20);
      response.on("close", () => {
        clearInterval(timer);
        ended.resolve(undefined);
      });
    });
    expect(await probe(port, { timeout: 0.1 })(never)).toBe("good");
    await ended.promise;
  });

  it.each([
    [200, "good"],
    [404, "http"],
    [418, undefined],
  ])("that is answered with %s says %s", async (status, sign) => {
    const { port } = await server((_, response) => response.writeHead(status).end());
    expect(await probe(port, {})(never)).toBe(sign);
  });

  it("uses a connection again, and gives up one whose answer has no end", async () => {
    const sockets = new Set();
    const { port } = await server(({ socket, url }, response) => {
      sockets.add(socket);
      if (url === "/endless") response.end(Buffer.alloc(10 * 1024 * 1024));
      else response.end("fine");
    });
    const ask = probe(port, {});
    for (let count = 0; count < 3; count++) {
      expect(await ask(never)).toBe("good");
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(sockets.size).toBe(1);
    expect(await probe(port, { http_path: "/endless" })(never)).toBe("good");
  });

  it.each(["http", "tcp"])("of the type %s that cannot connect is a failed connection", async (type) => {
    expect(await probe(await freePort(), { type })(never)).toBe("tcp");
  });

  it("waits no longer than its timeout", async () => {
    const deaf = await startDeafUpstream();
    open.push(deaf);
    expect(await probe(deaf.port, { timeout: 0.05 })(never)).toBe("timeout");
    expect(await probe(deaf.port, { type: "tcp" })(never)).toBe("good");
  });

  it.each(["http", "tcp"])("of the type %s that nobody waits for any more says nothing", async (type) => {
    const deaf = await startDeafUpstream();
    open.push(deaf);
    const leaving = new AbortController();
    const asked = probe(deaf.port, { type, timeout: 60 })(leaving.signal);
    leaving.abort(new Error("closed"));
    expect(await asked).toBeUndefined();
  });
});
