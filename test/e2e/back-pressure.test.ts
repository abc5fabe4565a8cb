/** Slow readers: a gateway holds no more of a stream than fits between two sockets, whatever the client does. */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, createGzip, type Gzip } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { type Stack, startStack, until } from "../support/gateway.ts";
import { chatUrl, openaiTarget, proxyConfig, routesConfig } from "../support/gateway-config.ts";
import { bodyOf, startUpstream, type Upstream } from "../support/http-upstream.ts";
import { openStream } from "../support/stream-client.ts";

const mebibyte = 1024 * 1024;
/** What is sent in all: far more than the buffers of four sockets (Linux: up to 4 MiB out and 6 MiB in each). */
const totalBytes = 96 * mebibyte;
/** What may be under way at most, the kernel's buffers included. */
const heldBytes = 32 * mebibyte;

/** Random, and further apart than gzip looks back (32 KiB), so that a compressed stream is about as long. */
const contents = Array.from({ length: 16 }, () => randomBytes(12 * 1024).toString("base64"));

/** One event of 16 KiB. */
function bigChunk(index: number): string {
  const content = contents[index % contents.length];
  const choices = [{ index: 0, delta: { content }, finish_reason: null }];
  return `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices })}\n\n`;
}

const finish = `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\ndata: [DONE]\n\n`;

interface Sender {
  sentBytes: number;
  chunks: number;
  isGone: boolean;
}

/** Sends chunks until it has sent enough, as fast as they are taken. */
async function sendMuch(response: ServerResponse, sender: Sender, gzip?: Gzip): Promise<void> {
  let wake: () => void = () => undefined;
  response.once("close", () => {
    sender.isGone = true;
    wake();
  });
  response.writeHead(200, {
    "content-type": "text/event-stream",
    ...(gzip !== undefined && { "content-encoding": "gzip" }),
  });
  gzip?.pipe(response);
  const out = gzip ?? response;
  out.on("drain", () => wake());
  while (sender.sentBytes < totalBytes && !sender.isGone) {
    const chunk = bigChunk(sender.chunks++);
    sender.sentBytes += chunk.length;
    if (!out.write(chunk))
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  }
  out.end(finish);
}

/** Resolves with what had been sent when nothing more went for 100 ms. */
async function stalled(sender: Sender): Promise<number> {
  let last = -1;
  while (last !== sender.sentBytes) {
    last = sender.sentBytes;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return last;
}

let stack: Stack;
let upstream: Upstream;

afterEach(async () => {
  await stack.close();
  await upstream.close();
});

async function startSender(options: { readonly isGzip: boolean }): Promise<Sender> {
  const sender: Sender = { sentBytes: 0, chunks: 0, isGone: false };
  upstream = await startUpstream(async (request: IncomingMessage, response: ServerResponse) => {
    await bodyOf(request);
    await sendMuch(
      response,
      sender,
      options.isGzip ? createGzip({ level: 1, flush: constants.Z_SYNC_FLUSH }) : undefined,
    );
  });
  stack = await startStack({
    config: routesConfig({ chat: { targets: [openaiTarget(chatUrl(upstream.url))] } }),
  });
  return sender;
}

const ask = { messages: [{ role: "user", content: "Everything, please" }], stream: true };

describe("a client that stops reading a stream", () => {
  it("stops the vendor, and gets all of it when it reads on", async () => {
    const sender = await startSender({ isGzip: false });
    const answer = await openStream(`${stack.url}/chat`, ask);
    await answer.next();
    expect(await stalled(sender)).toBeLessThan(heldBytes);
    let bytes = 0;
    let tail = "";
    for (let text = await answer.next(); text !== undefined; text = await answer.next()) {
      bytes += text.length;
      tail = (tail + text).slice(-100);
    }
    expect(tail.endsWith("data: [DONE]\n\n")).toBe(true);
    expect(bytes).toBeGreaterThan(totalBytes - mebibyte);
    const record = await stack.recordOf(String(answer.headers["x-kong-request-id"]));
    expect(record.ai?.proxy.meta.finish_reason).toBe("stop");
    expect(record.response.size).toBeGreaterThan(totalBytes - mebibyte);
  });

  it("stops a vendor that compresses, too", async () => {
    const sender = await startSender({ isGzip: true });
    const answer = await openStream(`${stack.url}/chat`, ask);
    expect(await stalled(sender)).toBeLessThan(heldBytes);
    answer.leave();
    await until(() => sender.isGone, "the vendor is told");
  });

  it("and then leaves frees the vendor", async () => {
    const sender = await startSender({ isGzip: false });
    const answer = await openStream(`${stack.url}/chat`, ask);
    await stalled(sender);
    answer.leave();
    await until(() => sender.isGone, "the vendor is told");
    expect(sender.sentBytes).toBeLessThan(heldBytes);
  });
});

describe("an upstream that stops reading an upload", () => {
  it("stops the client, and gets all of it when it reads on", async () => {
    let request: IncomingMessage | undefined;
    let receivedBytes = 0;
    upstream = await startUpstream(async (incoming, response) => {
      incoming.pause();
      request = incoming;
      incoming.on("end", () => response.end(String(receivedBytes)));
    });
    stack = await startStack({ config: proxyConfig({ url: upstream.url }) });
    const sender: Sender = { sentBytes: 0, chunks: 0, isGone: false };
    const block = Buffer.alloc(64 * 1024, "u");
    async function* upload() {
      while (sender.sentBytes < totalBytes) {
        sender.sentBytes += block.length;
        yield block;
      }
    }
    const answer = fetch(`${stack.url}/api/upload`, {
      method: "POST",
      body: upload(),
      duplex: "half",
    } as RequestInit); // an async iterable is a body in Node, which the type does not say
    await until(() => request !== undefined, "the upload arrives");
    expect(await stalled(sender)).toBeLessThan(heldBytes);
    request?.on("data", (chunk: Buffer) => {
      receivedBytes += chunk.length;
    });
    request?.resume();
    expect(await (await answer).text()).toBe(String(totalBytes));
  });
});
