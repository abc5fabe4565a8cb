import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWithServer, startServer, type TestServer } from "../../../test/support/servers.ts";
import { item, signal } from "../contract/bench.contract.ts";
import { usePgvector } from "./bench.contract.ts";

/** A message of the client: its type (none at the start) and its body. */
interface Message {
  readonly type: string;
  readonly body: Buffer;
}

/** Passes everything on and keeps what the clients said, each connection's bytes together. */
async function startRecorder(target: { readonly port: number }): Promise<{
  readonly port: number;
  readonly said: readonly Buffer[][];
  readonly server: Server;
}> {
  const said: Buffer[][] = [];
  const server = createServer((client) => {
    const chunks: Buffer[] = [];
    said.push(chunks);
    const upstream = connect(target.port, "127.0.0.1");
    client.on("data", (chunk) => void chunks.push(chunk));
    client.pipe(upstream).pipe(client);
    client.on("error", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the recorder listens on no port");
  return { port: address.port, said, server };
}

/** PostgreSQL's protocol 3.0: a start-up message, then type, length and body. */
function messagesOf(bytes: Buffer): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at < bytes.length; ) {
    const skip = messages.length === 0 ? 0 : 1;
    const length = bytes.readInt32BE(at + skip);
    messages.push({
      type: bytes.toString("latin1", at, at + skip),
      body: bytes.subarray(at + skip + 4, at + skip + length),
    });
    at += skip + length;
  }
  return messages;
}

const untilNul = (body: Buffer, from = 0) => body.toString("utf8", from, body.indexOf(0, from));

/** The SQL of a simple query or of a statement to parse. */
function textOf({ type, body }: Message): string[] {
  if (type === "Q") return [untilNul(body)];
  if (type === "P") return [untilNul(body, body.indexOf(0) + 1)];
  return [];
}

/** The names in a start-up message, behind the version of the protocol. */
function parametersOf(start: Message | undefined): string[] {
  const words = start?.body.toString("utf8", 4).split("\0") ?? [];
  return words.filter((word, at) => at % 2 === 0 && word !== "");
}

describeWithServer("postgres", "pgvector behind a pooler", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer("postgres", {});
  });
  afterAll(() => server.stop());
  const bench = usePgvector(() => server);

  it("leaves nothing in a session that the next transaction could meet or miss", async () => {
    const recorder = await startRecorder(server);
    const store = bench.open({ port: recorder.port }, { scanUpTo: 4 });
    const namespace = { owner: "o", version: "v" };
    await store.inspect(signal);
    await store.replace(namespace, [item("1", 1, 0), item("2", 0, 1), item("3", 1, 1)], signal);
    await store.read(namespace, signal);
    await store.has(namespace, signal);
    await store.versions("o", signal);
    await store.search(namespace, item("", 1, 0).vector, 1, signal);
    await store.delete(namespace, signal);
    await store.close();
    recorder.server.close();

    const connections = recorder.said.map((chunks) => messagesOf(Buffer.concat(chunks)));
    const all = connections.flat();
    const texts = all.flatMap(textOf);
    expect(texts.some((text) => text.includes("CREATE INDEX"))).toBe(true);

    // Parse and Bind name no statement, and nothing is closed or described that has a name.
    const parsed = all.filter(({ type }) => type === "P");
    expect(parsed.length).toBeGreaterThan(8);
    for (const { body } of parsed) expect(untilNul(body)).toBe("");
    for (const { body } of all.filter(({ type }) => type === "B"))
      expect(untilNul(body, body.indexOf(0) + 1)).toBe("");
    for (const { type } of all.slice(1)) expect("PBDESQXp").toContain(type);

    for (const text of texts) {
      expect(text).not.toMatch(/\b(?:LISTEN|PREPARE|DECLARE|TEMP|DISCARD|SET SESSION)\b/);
      expect(text).not.toMatch(/\bSET (?!LOCAL\b|dimensions\b)/);
      expect(text).not.toMatch(/^(?!BEGIN\b).*\bSET LOCAL\b/s);
      expect(text).not.toMatch(/advisory_(?!xact_lock)/);
    }

    // A pooler refuses parameters at the start that it does not know.
    for (const [start] of connections)
      expect(parametersOf(start).sort()).toEqual(["application_name", "client_encoding", "database", "user"]);
  });
});
