/** Changes by the admin API, one after the other, while requests are served. Real processes, real time. */
import { existsSync, readdirSync } from "node:fs";
import { Agent, request } from "undici";
import { expect, it } from "vitest";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { type AdminClient, adminClient } from "../support/admin-client.ts";
import { read } from "../support/ask.ts";
import { chatUrl, openaiTarget, remoteEmbeddings, semanticBlocks } from "../support/gateway-config.ts";
import type { RunningGateway, Workplace } from "../support/sluice-process.ts";
import { useProcesses } from "../support/use-processes.ts";

let simulator: Simulator;
let workplace: Workplace;
useProcesses((parts) => {
  ({ simulator, workplace } = parts);
});

const changesPerSecond = 10;
const seconds = 10;

/** A small heap, so that memory tells of what is kept, not of when it was last collected. */
const smallHeap = { NODE_OPTIONS: "--max-old-space-size=60 --max-semi-space-size=4" };

/** Measured: 3,600 changes under 15,000 requests grew it by 10 MB, most of it at first. */
const noiseBytes = 24 * 1024 * 1024;

const targets = (temperature: number) => [
  openaiTarget(chatUrl(simulator.url), { description: "Specialist in python", options: { temperature } }),
  openaiTarget(chatUrl(simulator.url), { description: "CATCHALL", model: "gpt-4o-mini" }),
];

async function configure(admin: AdminClient): Promise<string> {
  await admin("PUT /services/llm", { url: "http://localhost" });
  await admin("PUT /services/llm/routes/chat", { paths: ["/chat"] });
  const embeddings = remoteEmbeddings(`${simulator.url}/v1/embeddings`);
  const { body, status } = await admin("POST /routes/chat/plugins", {
    name: "ai-proxy-advanced",
    config: { targets: targets(0), ...semanticBlocks({ embeddings, dimensions: 64 }) },
  });
  expect([status, body.message]).toEqual([201, undefined]);
  return body.id;
}

/** Makes, changes and takes away: each kind of change, and one of each thing at most. */
function changes(admin: AdminClient, plugin: string) {
  const steps = [
    (at: number) => admin(`PATCH /plugins/${plugin}`, { config: { targets: targets((at + 1) / 1_000) } }),
    () => admin("PUT /services/passing", { url: "http://passing.example" }),
    () => admin("PUT /services/passing/routes/passing", { paths: ["/passing"] }),
    () => admin("PUT /consumers/passing", {}),
    () => admin("POST /consumers/passing/key-auth", { key: "passing-key" }),
    () => admin("DELETE /consumers/passing"),
    () => admin("DELETE /routes/passing"),
    () => admin("DELETE /services/passing"),
  ];
  return async (at: number) => {
    const { body, status } = (await steps[at % steps.length]?.(at)) ?? { status: 0, body: undefined };
    expect(status, JSON.stringify(body)).toBeLessThan(300);
  };
}

/** Asks without a pause until it is told to stop; resolves with what went wrong. */
function load(proxy: string, agent: Agent, isOver: () => boolean) {
  const failures: string[] = [];
  let requests = 0;
  const worker = async (stream: boolean) => {
    const body = JSON.stringify({ messages: [{ role: "user", content: "What is a Python list?" }], stream });
    while (!isOver()) {
      const answer = await request(`${proxy}/chat`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        dispatcher: agent,
      });
      const text = await answer.body.text();
      const isWhole = stream ? text.endsWith("data: [DONE]\n\n") : text.includes("chat.completion");
      const routing = String(answer.headers["x-sluice-routing"]);
      if (answer.statusCode !== 200 || !isWhole || !routing.startsWith("reason=matched"))
        failures.push(`${answer.statusCode} ${routing} ${text.slice(-200)}`);
      requests++;
    }
  };
  const done = Promise.all([worker(false), worker(false), worker(true), worker(true)]);
  return { done, failures, requests: () => requests };
}

/** What is open, where the system tells. */
function openFiles({ child }: RunningGateway): number {
  const folder = `/proc/${child.pid}/fd`;
  return existsSync(folder) ? readdirSync(folder).length : 0;
}

async function memoryOf({ addresses }: RunningGateway): Promise<number> {
  const { text } = await read(`${addresses.status}/metrics`);
  return Number(/^sluice_memory_bytes (\S+)$/m.exec(text)?.[1]);
}

it("ten a second for ten seconds fail no request, leave nothing open and embed nothing anew", async () => {
  const gateway = await workplace.startAs([], smallHeap);
  const admin = adminClient(gateway.addresses.admin);
  const plugin = await configure(admin);
  const change = changes(admin, plugin);
  const agent = new Agent({ connections: 8 });
  let isOver = false;
  const asking = load(gateway.addresses.proxy, agent, () => isOver);

  for (let at = 0; at < 80; at++) await change(at); // what is cached and compiled, is now
  const before = { files: openFiles(gateway), memory: await memoryOf(gateway) };
  const began = performance.now();
  for (let at = 0; at < changesPerSecond * seconds; at++) {
    const waitMs = began + (at * 1_000) / changesPerSecond - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    await change(at);
  }
  const memory = await memoryOf(gateway);
  isOver = true;
  await asking.done;
  expect(asking.failures).toEqual([]);
  expect(asking.requests()).toBeGreaterThan(changesPerSecond * seconds);
  expect(openFiles(gateway) - before.files).toBeLessThanOrEqual(4);
  expect(memory - before.memory).toBeLessThan(noiseBytes);
  await agent.close();

  // One description and one prompt, however often the plugin was made anew.
  const embedded = simulator.received().filter(({ path }) => path === "/v1/embeddings");
  expect(embedded.length).toBeLessThanOrEqual(2);
  const { text } = await read(`${gateway.addresses.status}/metrics`);
  expect(text).toMatch(/^sluice_embedding_cache_misses_total 1$/m);
  expect(gateway.stderr()).not.toMatch(/"level":"(?:error|warn)"/);
  const { data } = (await admin("GET /audit?size=1")).body;
  expect(data[0].version).toBe(3 + 80 + changesPerSecond * seconds);
}, 180_000);
