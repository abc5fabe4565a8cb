/** Servers that cannot be started in tests: recorded replies, and replies as their documentation gives them. */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { Decoder } from "@redis/client/dist/lib/RESP/decoder.js";
import { afterEach, describe, expect, it } from "vitest";
import { ErrorAnswer } from "../../redis/failures.ts";
import type { Outcome } from "./engine.ts";
import { failureOf, namespace, signal, useStores } from "./open.contract.ts";
import { queryEngine } from "./query-engine.ts";
import { modulesOf } from "./server.ts";
import { vectorSets } from "./vector-sets.ts";

type Wire = "resp2" | "resp3";

interface Recording {
  readonly resp2: readonly Exchange[];
  readonly resp3: readonly Exchange[];
}

interface Exchange {
  readonly cmd: readonly unknown[];
  readonly reply: string;
}

function recording(name: string): Recording {
  const url = new URL(`../../../test/fixtures/redis-wire/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, "utf8")) as Recording; // our own file
}

/** Reply to the first recorded command that begins with these words. */
function replyTo(name: string, wire: Wire, ...words: string[]): string {
  const found = recording(name)[wire].find(({ cmd }) => words.every((word, at) => cmd[at] === word));
  if (found === undefined) throw new Error(`${name} has no ${words.join(" ")}`);
  return found.reply;
}

/** As the connection hands replies on: bulk strings as bytes, errors thrown. */
function decode(reply: string): Outcome {
  let outcome: Outcome | undefined;
  const decoder = new Decoder({
    onReply: (value: unknown) => {
      outcome = { status: "fulfilled", value };
    },
    onErrorReply: ({ message }: Error) => {
      outcome = { status: "rejected", reason: new ErrorAnswer(message) };
    },
    onPush: () => undefined,
    getTypeMapping: () => ({ 36: Buffer }),
  });
  decoder.write(Buffer.from(reply, "latin1"));
  if (outcome === undefined) throw new Error("the recorded reply is not whole");
  return outcome;
}

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Answers commands by their name; others are unknown. One command may come in one packet or with others. */
async function startScripted(replies: Readonly<Record<string, string>>): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("data", (bytes) => {
      for (const [, name] of bytes.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\S+)\r\n/g))
        socket.write(
          replies[name ?? ""] ?? `-ERR unknown command '${name}', with args beginning with: 'secret'\r\n`,
        );
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

const bulk = (text: string) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
const info = (...lines: string[]) => bulk(`# Server\r\n${lines.join("\r\n")}\r\n`);
const moduleList = (name: string, version: number) =>
  `*1\r\n*4\r\n${bulk("name")}${bulk(name)}${bulk("ver")}:${version}\r\n`;
const both = "*2\r\n*1\r\n$9\r\nFT.SEARCH\r\n$-1\r\n";

describe("servers as they describe themselves", () => {
  const open = useStores();

  const facts = async (replies: Readonly<Record<string, string>>, options: object = {}) =>
    open({ port: await startScripted(replies), ...options }).inspect(signal);

  const recorded = (name: string) => ({
    INFO: replyTo(name, "resp2", "INFO"),
    MODULE: replyTo(name, "resp2", "MODULE", "LIST"),
    COMMAND: replyTo(name, "resp2", "COMMAND", "INFO"),
  });

  it("takes the query engine of Redis 8 before its vector sets, unless told otherwise or outside database 0", async () => {
    const replies = recorded("redis-8.0.2-redisearch-8.0.2");
    const search = { server: "Redis 8.0.2", engine: "RediSearch 8.0.2" };
    const sets = { server: "Redis 8.0.2", engine: "vector sets 1" };
    expect(await facts(replies)).toEqual(search);
    expect(await facts(replies, { engine: "search" })).toEqual(search);
    expect(await facts(replies, { engine: "vectorset" })).toEqual(sets);
    expect(await facts({ ...replies, SELECT: "+OK\r\n" }, { database: 1 })).toEqual(sets);
  });

  it("refuses a RediSearch that knows no vectors, although it has the commands", async () => {
    const { kind, message } = await failureOf(facts(recorded("redis-7.0.15-redisearch-1.2.2")));
    expect(kind).toBe("unfit");
    expect(message).toMatch(/^Redis 7\.0\.15 at .* has RediSearch 1\.2\.0, which knows no vectors/);
  });

  it("refuses a Valkey without search", async () => {
    const { kind, message } = await failureOf(facts(recorded("valkey-9.1.2")));
    expect(kind).toBe("unfit");
    expect(message).toMatch(/^Valkey 9\.1\.2 at .* has neither/);
  });

  it("knows valkey-search, whose versions begin at 1", async () => {
    const INFO = info("redis_version:7.2.4", "server_name:valkey", "valkey_version:8.1.1");
    expect(await facts({ INFO, MODULE: moduleList("search", 10_002), COMMAND: both })).toEqual({
      server: "Valkey 8.1.1",
      engine: "valkey-search 1.0.2",
    });
    const { message } = await failureOf(
      facts({ INFO: info("redis_version:6.2.0"), MODULE: moduleList("search", 10_002), COMMAND: both }),
    );
    expect(message).toContain("RediSearch 1.0.2, which knows no vectors");
  });

  it("knows Dragonfly, which has no modules", async () => {
    const INFO = info("redis_version:7.4.0", "dragonfly_version:df-v1.34.2", "redis_mode:standalone");
    expect(await facts({ INFO, MODULE: "*0\r\n", COMMAND: both })).toEqual({
      server: "Dragonfly 1.34.2",
      engine: "query engine",
    });
  });

  it("asks for the commands where the modules are hidden", async () => {
    const INFO = info("redis_version:7.1.0");
    const hidden = "-NOPERM this user has no permissions to run the 'module|list' command\r\n";
    expect(await facts({ INFO, MODULE: hidden, COMMAND: both })).toEqual({
      server: "Redis 7.1.0",
      engine: "query engine",
    });
    expect(await facts({ COMMAND: "*2\r\n$-1\r\n*1\r\n$4\r\nVADD\r\n" })).toEqual({
      server: "the server",
      engine: "vector sets",
    });
  });

  it("does not take trouble for an answer", async () => {
    const { kind } = await failureOf(
      facts({ INFO: "-LOADING Redis is loading\r\n", MODULE: "*0\r\n", COMMAND: both }),
    );
    expect(kind).toBe("unreachable");
    expect((await failureOf(facts({ INFO: "-NOAUTH Authentication required.\r\n" }))).kind).toBe("denied");
    expect((await failureOf(facts({}))).message).not.toContain("secret");
  });
});

describe.each(["resp2", "resp3"] as const)("recorded replies in %s", (wire) => {
  const content = { dimensions: 3, ids: ["zero", "one", "two", "three"], findable: 3, digest: "d" };
  const search = (limit: number) => ({ vector: Float32Array.from([1, 0.05, 0]), limit });

  /** With the names that our own query would have given. */
  const renamed = (reply: string) =>
    reply
      .replaceAll("$1\r\nd\r\n", bulk("distance"))
      .replaceAll(/\$3\r\nc:(\d)\r\n/g, (_, row) => bulk(`{sluice:vectors:1}:item:3:owner:v1:${row}`));

  it("reads a search of the query engine of Redis 8", () => {
    const name = "redis-8.0.2-redisearch-8.0.2";
    const one = { ...content, findable: 1 };
    const answer = decode(renamed(replyTo(name, wire, "FT.SEARCH", "cos", "(@ns:{b})=>[KNN 2 @v $q AS d]")));
    const finding = queryEngine.finding(namespace, one, search(1), [answer]);
    expect(finding).toEqual({
      kind: "found",
      matches: [{ id: "three", similarity: expect.closeTo(1 - 0.00184160470963, 8) }],
    });
    const none = decode(replyTo(name, wire, "FT.SEARCH", "cos", "(@ns:{zzz})=>[KNN 2 @v $q AS d]"));
    expect(queryEngine.finding(namespace, content, search(1), [none])).toEqual({
      kind: "short",
      found: 0,
      expected: 3,
    });
  });

  it("knows a missing index, and whether one is being filled", async () => {
    const name = "redis-8.0.2-redisearch-8.0.2";
    const missing = decode(replyTo(name, wire, "FT.SEARCH", "missing"));
    expect(queryEngine.finding(namespace, content, search(1), [missing])).toEqual({ kind: "missing" });
    const described = decode(replyTo(name, wire, "FT.INFO", "cos"));
    const ask = async () => (described.status === "fulfilled" ? described.value : undefined);
    expect(await queryEngine.isSettling(ask, 3)).toBe(false);
  });

  it("refuses another's items", () => {
    const answer = decode(
      replyTo("redis-8.0.2-redisearch-8.0.2", wire, "FT.SEARCH", "cos", "(@ns:{b})=>[KNN 2 @v $q AS d]"),
    );
    expect(() => queryEngine.finding(namespace, content, search(1), [answer])).toThrow(/another item/);
  });

  it("reads a search of the vector sets of Redis 8.6", () => {
    const [card, similar] = [
      decode(replyTo("redis-8.6.3", wire, "VCARD", "s")),
      decode(replyTo("redis-8.6.3", wire, "VSIM", "s")),
    ];
    expect(vectorSets.finding(namespace, content, search(2), [card, similar])).toEqual({
      kind: "found",
      matches: [
        { id: "one", similarity: expect.closeTo(1 - 0.0012476444, 7) },
        { id: "three", similarity: expect.closeTo(1 - 0.0018416047, 7) },
      ],
    });
  });

  it("reads a list of modules", () => {
    const list = decode(replyTo("redis-8.0.2-redisearch-8.0.2", wire, "MODULE", "LIST"));
    expect(modulesOf(list.status === "fulfilled" ? list.value : undefined)).toEqual(
      new Map([
        ["search", 80_002],
        ["vectorset", 1],
      ]),
    );
  });
});
