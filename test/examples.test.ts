/** Every example is what it says: it checks clean, starts, and answers the first curl of its README. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatProblem, loadConfig } from "../src/config/load.ts";
import { plugins } from "../src/plugins/index.ts";
import { type Simulator, startSimulator } from "../src/simulator/simulator.ts";
import { embedLocally, startStack } from "./support/gateway.ts";
import { codeBlocks, exportedVariables, firstCurl } from "./support/readme.ts";
import { describeWithServer, type ServerName, type ServerOptions, startServer } from "./support/servers.ts";
import { startTraceCollector, type TraceCollector } from "./support/trace-collector.ts";

const folder = new URL("../examples/", import.meta.url);
const examples = readdirSync(folder).filter((name) => existsSync(new URL(`${name}/gateway.yaml`, folder)));

/** What an example needs beside the simulator, and where its README tells the gateway to find it. */
const servers: Readonly<
  Record<string, { readonly name: ServerName; readonly port: string; readonly options: ServerOptions }>
> = {
  "semantic-redis": { name: "redis-stack", port: "DECK_REDIS_PORT", options: {} },
  "shared-state": { name: "redis", port: "DECK_REDIS_PORT", options: {} },
  "semantic-pgvector": { name: "postgres", port: "DECK_PG_PORT", options: { password: "secret" } },
};

/** Examples with a program of their own that is to run beside the gateway, and the variable that says where it is. */
const programs: Readonly<Record<string, { readonly file: string; readonly variable: string }>> = {
  logging: { file: "receiver.mjs", variable: "DECK_LOG_ENDPOINT" },
};

let simulator: Simulator;
let collector: TraceCollector;
beforeAll(async () => {
  simulator = await startSimulator({ now: Date.now, embed: embedLocally });
  collector = await startTraceCollector();
});
afterAll(() => Promise.all([simulator.close(), collector.close()]));

/** What the README exports, with this test's simulator and collector for those it starts. */
function environment(readme: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const entries = Object.entries({ ...exportedVariables(readme), ...more });
  return Object.fromEntries(entries.map(([name, value]) => [name, inPlace(value)]));
}

function inPlace(address: string): string {
  return address
    .replace("http://127.0.0.1:8090", simulator.url)
    .replace("http://127.0.0.1:4318/v1/traces", collector.url);
}

/** Sends a README's command to the gateway at `url`. */
async function sendCurl(readme: string, url: string) {
  const { url: written, headers, body } = firstCurl(readme);
  expect(written.host).toBe("localhost:8000");
  const answer = await request(`${url}${written.pathname}${written.search}`, {
    method: body === undefined ? "GET" : "POST",
    headers,
    body: body ?? null,
  });
  return { status: answer.statusCode, headers: answer.headers, body: await answer.body.json() };
}

it("there are examples", () => {
  expect(examples).toContain("semantic-local");
  expect(examples).toContain("semantic-openai");
});

describe.each(examples)("examples/%s", (name) => {
  const yaml = readFileSync(new URL(`${name}/gateway.yaml`, folder), "utf8");
  const readme = readFileSync(new URL(`${name}/README.md`, folder), "utf8");

  it("begins with the line by which editors find the schema, and the schema is there", () => {
    const [first = ""] = yaml.split("\n");
    const [, path = ""] = /^# yaml-language-server: \$schema=(\S+)$/.exec(first) ?? [];
    expect(first).toContain("yaml-language-server");
    const schema = new URL(path, new URL(`${name}/gateway.yaml`, folder));
    expect(JSON.parse(readFileSync(schema, "utf8"))).toHaveProperty("$schema");
  });

  it("checks without error, warning or notice", () => {
    const file = `examples/${name}/gateway.yaml`;
    const { config, problems } = loadConfig(yaml, {
      file,
      env: environment(readme),
      plugins,
      withReview: true,
    });
    expect(problems.map(formatProblem)).toEqual([]);
    expect(config?.routes.length).toBeGreaterThan(0);
  });

  async function startAndAsk(more: Readonly<Record<string, string>> = {}): Promise<void> {
    const stack = await startStack({ config: yaml, env: environment(readme, more) });
    const { status, headers, body } = await sendCurl(readme, stack.url);
    expect(body).toMatchObject({ object: "chat.completion", choices: [{ finish_reason: "stop" }] });
    expect(status).toBe(200);
    expect(headers["x-kong-llm-model"]).toMatch(/^\w+\/\S+$/);
    expect(stack.log.filter(({ level }) => level !== "info")).toEqual([]);
    const isUp = () => stack.gateway.health().every(({ state }) => state === "up");
    // Spans wait for a second before the collector is called.
    await expect.poll(isUp).toBe(true);
    await stack.close();
  }

  const program = programs[name];
  if (program !== undefined) {
    it("starts with its program, and answers the first curl of its README", async () => {
      const written = exportedVariables(readme)[program.variable] ?? "";
      expect(readme).toContain(`node examples/${name}/${program.file} ${new URL(written).port}`);
      const temporary = mkdtempSync(join(tmpdir(), "sluice-example-"));
      const child = spawn(process.execPath, [fileURLToPath(new URL(`${name}/${program.file}`, folder)), "0"]);
      let said = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        said += text;
      });
      await expect.poll(() => said).toMatch(/http:\/\/\S+\n/);
      const [address = ""] = /http:\/\/\S+/.exec(said) ?? [];
      const log = join(temporary, "access.log");
      await startAndAsk({ [program.variable]: address, DECK_LOG_FILE: log });
      expect(said).toMatch(/^POST \/anything 200 \S+ ms gpt-4o-mini \d+\+\d+ tokens$/m);
      expect(readFileSync(log, "utf8")).toContain("My key is [redacted]. What is a list?");
      child.kill();
      rmSync(temporary, { recursive: true });
    });
    return;
  }
  const needed = servers[name];
  if (needed === undefined) {
    it("starts and answers the first curl of its README", () => startAndAsk());
    return;
  }
  describeWithServer(needed.name, `with ${needed.name}`, () => {
    it("starts and answers the first curl of its README", async () => {
      const server = await startServer(needed.name, needed.options);
      const written = exportedVariables(readme)[needed.port];
      expect(readme).toContain(`node test/servers/run.mjs ${needed.name} --port ${written}`);
      await startAndAsk({ [needed.port]: String(server.port) });
      await server.stop();
    });
  });
});

describe("README.md", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

  it("shows a config that loads without a warning", () => {
    const [yaml = ""] = codeBlocks(readme, "yaml");
    const env = { DECK_OPENAI_API_KEY: "sk-x" };
    const { config, problems } = loadConfig(yaml, { file: "README.md", env, plugins });
    expect(problems.filter(({ severity }) => severity !== "notice").map(formatProblem)).toEqual([]);
    expect(config?.plugins).toHaveLength(1);
  });

  it("shows a curl that gets the answer it shows", async () => {
    const local = readFileSync(new URL("semantic-local/gateway.yaml", folder), "utf8");
    const stack = await startStack({
      config: local,
      env: environment(readFileSync(new URL("semantic-local/README.md", folder), "utf8")),
    });
    const { headers } = await sendCurl(readme, stack.url);
    const [shown = ""] = codeBlocks(readme, "").filter((block) => block.startsWith("HTTP/1.1"));
    expect(shown).toContain(`x-kong-llm-model: ${headers["x-kong-llm-model"]}`);
    expect(shown).toMatch(/x-sluice-routing: reason=matched; distance=0\.\d{3}; threshold=0\.7; margin=/);
    expect(headers["x-sluice-routing"]).toMatch(
      /^reason=matched; distance=0\.\d{3}; threshold=0\.7; margin=/,
    );
    await stack.close();
  });
});
