import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { askRedis, startBlackHole, startProxy } from "./servers.ts";

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});
/** Stops it after the test. */
function use<T extends { stop(): Promise<void> }>(thing: T): T {
  stops.push(() => thing.stop());
  return thing;
}

describe("a black hole", () => {
  it("takes connections and never answers", async () => {
    const hole = use(await startBlackHole());
    await expect(
      askRedis({ url: `redis://127.0.0.1:${hole.port}`, timeoutMs: 200 }, ["PING"]),
    ).rejects.toThrow("no answer");
    expect(hole.connections()).toBe(1);
  });
});

describe("a proxy", () => {
  /** Answers each byte with itself. */
  async function startEcho() {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.pipe(socket);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    stops.push(async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
  }

  it("passes everything on, to the last byte before the end", async () => {
    const proxy = use(await startProxy(await startEcho()));
    const client = await openSocket(proxy);
    const text = "x".repeat(3_000_000);
    client.socket.end(text);
    await once(client.socket, "close");
    expect(client.heard().length).toBe(text.length);
  });

  it("holds everything back while paused, new connections too, and then passes it on", async () => {
    const proxy = use(await startProxy(await startEcho()));
    const before = await openSocket(proxy);
    before.socket.write("a");
    await expect.poll(before.heard).toBe("a");
    proxy.pause();
    const after = await openSocket(proxy);
    before.socket.write("b");
    after.socket.write("c");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([before.heard(), after.heard()]).toEqual(["a", ""]);
    proxy.resume();
    await expect.poll(() => [before.heard(), after.heard()]).toEqual(["ab", "c"]);
  });

  it("resets connections while cut, and takes new ones when restored", async () => {
    const proxy = use(await startProxy(await startEcho()));
    const before = await openSocket(proxy);
    proxy.cut();
    await expect.poll(before.ended).toBe(true);
    const during = connect(proxy.port, proxy.host).on("error", () => undefined);
    await new Promise((resolve) => during.on("close", resolve));
    proxy.restore();
    const after = await openSocket(proxy);
    after.socket.write("a");
    await expect.poll(after.heard).toBe("a");
    proxy.dropConnections();
    await expect.poll(after.ended).toBe(true);
    expect(proxy.connections()).toBe(3);
  });
});

async function openSocket({ host, port }: { readonly host: string; readonly port: number }) {
  const socket = connect(port, host);
  let heard = "";
  let isEnded = false;
  socket.on("data", (bytes) => {
    heard += bytes;
  });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    isEnded = true;
  });
  stops.push(async () => socket.destroy());
  await once(socket, "connect");
  return { socket, heard: () => heard, ended: () => isEnded };
}
