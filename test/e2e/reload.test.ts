/** How a running gateway process takes a new file, or refuses it. Real processes. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Agent, request } from "undici";
import { beforeEach, describe, expect, it } from "vitest";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { ask, read } from "../support/ask.ts";
import { runHere } from "../support/command-line.ts";
import { until } from "../support/gateway.ts";
import {
  chatConfig,
  chatUrl,
  openaiTarget,
  remoteEmbeddings,
  semanticBlocks,
} from "../support/gateway-config.ts";
import {
  type Command,
  type RunningGateway,
  runCommandLine,
  type Workplace,
} from "../support/sluice-process.ts";
import { type ProcessParts, useProcesses, useSharedProcesses } from "../support/use-processes.ts";

let command: Command;
let simulator: Simulator;
let workplace: Workplace;
const take = (parts: ProcessParts) => {
  ({ command, simulator, workplace } = parts);
};

const line = () => ["reload", "--prefix", workplace.prefix];

describe("a gateway that is reloaded", () => {
  let gateway: RunningGateway;
  useSharedProcesses(take, async () => {
    gateway = await workplace.start();
  });

  /** Each test begins with a gateway that runs gpt-4o. */
  beforeEach(async () => {
    workplace.write(chatConfig([openaiTarget(chatUrl(simulator.url))]));
    expect(await runHere(line())).toMatchObject({ code: 0 });
    told = gateway.stderr().length;
  });
  let told = 0;
  /** Whether it has been said since the test began. */
  const said = (words: string) => gateway.stderr().slice(told).includes(words);

  it("by command runs the new file, and the command says so", async () => {
    const { addresses } = gateway;
    workplace.write(chatConfig([openaiTarget(chatUrl(simulator.url), { model: "gpt-4o-mini" })]));
    const { code, stdout } = await runCommandLine(command, line());
    expect(code).toBe(0);
    expect(stdout).toContain("gateway.yaml: reloaded, 1 routes");
    expect((await ask(addresses.proxy)).model).toBe("openai/gpt-4o-mini");
  });

  it("by command with a bad file goes on as it was, and the command says why", async () => {
    const { addresses } = gateway;
    workplace.write('_format_version: "3.0"\nservicez: []\n');
    const result = await runHere(line());
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/gateway\.yaml:2:1: .*servicez/);
    expect(result.stderr).toContain("the old configuration goes on running");
    expect((await ask(addresses.proxy)).model).toBe("openai/gpt-4o");
    expect(said("reload refused")).toBe(true);
  });

  it("by SIGHUP runs the new file; a bad one changes nothing", async () => {
    const { addresses, signal } = gateway;
    workplace.write(chatConfig([openaiTarget(chatUrl(simulator.url), { model: "gpt-4o-mini" })]));
    signal("SIGHUP");
    await until(() => said("reloaded, 1 routes"), "the reload");
    expect((await ask(addresses.proxy)).model).toBe("openai/gpt-4o-mini");
    rmSync(workplace.config);
    signal("SIGHUP");
    await until(() => said("reload refused"), "the refusal");
    expect((await ask(addresses.proxy)).model).toBe("openai/gpt-4o-mini");
  });

  it("tells the state of what runs now", async () => {
    workplace.write({ _format_version: "3.0" });
    expect((await runHere(line())).code).toBe(0);
    expect(JSON.parse((await read(`${gateway.addresses.status}/status`)).text)).toMatchObject({
      routes: 0,
      plugins: [],
    });
  });
});

describe("a gateway of its own that is reloaded", () => {
  useProcesses(take);

  it("and does not run cannot be: the command ends with 1 and names the place it looked at", async () => {
    const { code, stderr } = await runHere(line());
    expect(code).toBe(1);
    expect(stderr).toContain(join(workplace.prefix, "sluice.json"));
  });

  it("50 times under load fails no request and embeds nothing anew", async () => {
    const semantic = (temperature: number) =>
      chatConfig(
        [
          openaiTarget(chatUrl(simulator.url), {
            description: "Specialist in python",
            options: { temperature },
          }),
          openaiTarget(chatUrl(simulator.url), { description: "CATCHALL", model: "gpt-4o-mini" }),
        ],
        semanticBlocks({ embeddings: remoteEmbeddings(`${simulator.url}/v1/embeddings`), dimensions: 64 }),
      );
    workplace.write(semantic(0));
    const { addresses, stderr } = await workplace.start();
    const agent = new Agent({ connections: 8 });
    let isOver = false;
    let requests = 0;
    const failures: string[] = [];
    const load = async (stream: boolean) => {
      const body = JSON.stringify({
        messages: [{ role: "user", content: "What is a Python list?" }],
        stream,
      });
      while (!isOver) {
        const answer = await request(`${addresses.proxy}/chat`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body,
          dispatcher: agent,
        });
        const text = await answer.body.text();
        const isGood = stream ? text.endsWith("data: [DONE]\n\n") : text.includes("chat.completion");
        const wentRight = answer.headers["x-sluice-routing"]?.toString().startsWith("reason=matched");
        if (answer.statusCode !== 200 || !isGood || wentRight !== true)
          failures.push(`${answer.statusCode} ${answer.headers["x-sluice-routing"]} ${text.slice(-200)}`);
        requests++;
      }
    };
    const loads = [load(false), load(false), load(true), load(true)];
    for (let i = 1; i <= 50; i++) {
      workplace.write(semantic(i / 50));
      const answer = await request(`${addresses.admin}/reload`, { method: "POST" });
      expect(answer.statusCode).toBe(200);
      await answer.body.dump();
    }
    isOver = true;
    await Promise.all(loads);
    await agent.close();
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(50);
    expect(stderr()).not.toContain('"level":"error"');
    expect(
      (simulator.received().at(-1)?.body as { temperature?: number } | undefined)?.temperature,
    ).toBeGreaterThan(0.9);
    const { text } = await read(`${addresses.status}/metrics`);
    // One description and one prompt, however often the file was read.
    expect(text).toMatch(/^sluice_embedding_cache_misses_total 1$/m);
    const embedded = simulator.received().filter(({ path }) => path === "/v1/embeddings");
    expect(embedded.length).toBeLessThanOrEqual(2);
  });
});
