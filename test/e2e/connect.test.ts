/** `sluice check --connect`, and what a running gateway tells about its store and its embedder. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { read } from "../support/ask.ts";
import { runHere } from "../support/command-line.ts";
import { refusingPort } from "../support/free-port.ts";
import {
  type ConfigObject,
  chatConfig,
  chatUrl,
  openaiTarget,
  remoteEmbeddings,
  targetKey,
} from "../support/gateway-config.ts";
import { codeBlocks } from "../support/readme.ts";
import { askRedis, describeWithServer, startServer } from "../support/servers.ts";
import { type Command, runCommandLine, type Workplace } from "../support/sluice-process.ts";
import { type StoreCase, storeCases, storePassword } from "../support/store-cases.ts";
import { useProcesses } from "../support/use-processes.ts";

let command: Command;
let simulator: Simulator;
let workplace: Workplace;
useProcesses((parts) => {
  ({ command, simulator, workplace } = parts);
});

function config(vectordb: ConfigObject, dimensions = 256): ConfigObject {
  const url = chatUrl(simulator.url);
  return chatConfig(
    [
      openaiTarget(url, { model: "gpt-3.5-turbo", description: "Specialist in python" }),
      openaiTarget(url, { model: "gpt-4o-mini", description: "CATCHALL" }),
    ],
    {
      embeddings: remoteEmbeddings(`${simulator.url}/v1/embeddings`),
      vectordb: { dimensions, distance_metric: "cosine", threshold: 0.7, ...vectordb },
      balancer: { algorithm: "semantic" },
    },
  );
}

const line = () => ["check", workplace.config, "--connect"];
const check = () => runHere(line());

const found: Readonly<Record<StoreCase["server"], RegExp>> = {
  postgres:
    /ok {4}vector store pgvector at 127\.0\.0\.1:\d+.*\n\s+server\s+PostgreSQL 17\.\d+\n\s+engine\s+pgvector 0\.\d/,
  redis:
    /ok {4}vector store redis at 127\.0\.0\.1:\d+.*\n\s+server\s+Redis 8\.\d+\.\d+\n\s+engine\s+vector sets/,
  "redis-stack":
    /ok {4}vector store redis at 127\.0\.0\.1:\d+.*\n\s+server\s+Redis 7\.4\.\d+\n\s+engine\s+RediSearch 2\.10/,
  valkey: /never/,
};

for (const storeCase of Object.values(storeCases)) {
  const { server: name, vectordb, namespaces } = storeCase;
  describeWithServer(name, `check --connect with ${name}`, () => {
    it("names server, version, engine, dimension and latencies, and leaves nothing behind", async () => {
      const server = await startServer(name, { password: storePassword });
      workplace.write(config(vectordb(server)));
      // A connection that is left open would keep the process.
      const { code, stdout, stderr } = await runCommandLine(command, line());
      expect(stderr).toBe("");
      expect(stdout).toMatch(found[name]);
      expect(stdout).toMatch(/connected\s+[\d.]+ ms\n\s+search\s+[\d.]+ ms\n\s+dimensions\s+256/);
      expect(stdout).toMatch(
        /ok {4}embedder openai\/text-embedding-3-small\n\s+latency\s+[\d.]+ ms\n\s+dimensions\s+256/,
      );
      expect(stdout).toContain("2 of 2 answer as they should");
      expect(stdout).not.toContain(storePassword);
      expect(stdout).not.toContain(targetKey);
      expect(code).toBe(0);
      expect(await namespaces(server)).toEqual([]);
      await server.stop();
    });
  });
}

/** The command of the guide, without what this server does not know. */
function userCommand(unknown: RegExp): string[] {
  const guide = readFileSync(new URL("../../docs/guide/vector-stores.md", import.meta.url), "utf8");
  const [line = ""] = codeBlocks(guide, "").filter((block) => block.startsWith("ACL SETUSER"));
  return line
    .trim()
    .split(" ")
    .filter((word) => !unknown.test(word));
}

describe.each([
  ["redis", /^\+FT\./],
  ["redis-stack", /^\+V[A-Z]/],
] as const)("the rights that the guide lists, on %s", (name, unknown) => {
  describeWithServer(name, name, () => {
    it("are enough to write, find, read back and remove", async () => {
      const server = await startServer(name);
      expect(await askRedis(server, userCommand(unknown))).toEqual(["OK"]);
      const { host, port } = server;
      const redis = { host, port, username: "sluice", password: "password" };
      workplace.write(config({ strategy: "redis", redis }));
      expect(await check()).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("2 of 2 answer as they should"),
      });
      const { addresses } = await workplace.start();
      expect((await read(`${addresses.status}/status/ready`)).text).toBe('{"message":"ready"}');
      await server.stop();
    });
  });
});

describeWithServer("redis", "what a gateway tells about a store that is away", () => {
  it("is a warning, degraded readiness, a metric, and all well again later", {
    timeout: 60_000,
  }, async () => {
    const server = await startServer("redis", { password: storePassword });
    workplace.write(config(storeCases.redis.vectordb(server)));
    await server.kill();
    const { addresses, stderr } = await workplace.start();
    const ready = async () => JSON.parse((await read(`${addresses.status}/status/ready`)).text);
    const metrics = async () => (await read(`${addresses.status}/metrics`)).text;
    expect(await ready()).toMatchObject({
      message: "degraded",
      degraded: [{ plugin: "ai-proxy-advanced", component: "vector_store", state: "down" }],
    });
    expect(await metrics()).toMatch(/^sluice_vector_store_up\{.*store="redis at 127\.0\.0\.1:\d+"\} 0$/m);
    expect(await metrics()).toMatch(/^sluice_vector_store_failures_total\{.*\} [1-9]/m);
    await server.restart();
    await expect.poll(async () => (await ready()).message).toBe("ready");
    expect(await metrics()).toMatch(/^sluice_vector_store_up\{.*\} 1$/m);
    expect(await metrics()).toMatch(/^sluice_vector_store_writes_total\{.*\} 1$/m);
    expect(stderr().match(/the vector store is away/g)).toHaveLength(1);
    expect(stderr().match(/the vector store answers again/g)).toHaveLength(1);
    expect(stderr()).not.toContain(storePassword);
    await server.stop();
  });
});

it("check --connect ends with 1 and says of each part what is wrong", async () => {
  workplace.write(
    config(
      { strategy: "redis", redis: { port: refusingPort, connect_timeout: 500, read_timeout: 500 } },
      4096,
    ),
  );
  const { code, stdout } = await check();
  expect(stdout).toMatch(/FAIL {2}vector store redis at 127\.0\.0\.1:\d+\n\s+error\s+.*refuses connections/);
  expect(stdout).toMatch(/FAIL {2}embedder openai\/text-embedding-3-small\n\s+error\s+\S.*/);
  expect(stdout).toContain("0 of 2 answer as they should");
  expect(stdout).not.toContain(targetKey);
  expect(code).toBe(1);
});

it("check --connect tries what is inside the process too, and has nothing to do without either", async () => {
  workplace.write(chatConfig([openaiTarget(chatUrl(simulator.url))]));
  expect(await check()).toMatchObject({ code: 0, stdout: expect.stringContaining("nothing to connect to") });
  workplace.write(
    chatConfig([openaiTarget(chatUrl(simulator.url), { description: "Specialist in python" })], {
      balancer: { algorithm: "semantic" },
    }),
  );
  const { code, stdout } = await check();
  expect(stdout).toContain("2 of 2 answer as they should");
  expect(code).toBe(0);
});
