/** Where a prompt would go now, told by a gateway that runs. Real processes. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { request } from "undici";
import { describe, expect, it } from "vitest";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { ask, read } from "../support/ask.ts";
import { runHere } from "../support/command-line.ts";
import { refusingPort } from "../support/free-port.ts";
import {
  type ConfigObject,
  chatConfig,
  chatUrl,
  openaiTarget,
  semanticBlocks,
  targetKey,
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

const line = (...args: string[]) => ["explain", "Hello", "--prefix", workplace.prefix, ...args];
const explain = (...args: string[]) => runHere(line(...args));

async function explained(...args: string[]) {
  const { stdout } = await explain("--json", ...args);
  return JSON.parse(stdout);
}

/** The heavy target fails once and is left out for a minute; its errors fail over to the light one. */
const breaking = (): ConfigObject =>
  chatConfig(
    [
      openaiTarget(chatUrl(simulator.url, "bad"), { model: "gpt-4o", weight: 99 }),
      openaiTarget(chatUrl(simulator.url), { model: "gpt-4o-mini", weight: 1 }),
    ],
    {
      balancer: {
        algorithm: "priority",
        max_fails: 1,
        fail_timeout: 60_000,
        failover_criteria: ["http_500", "non_idempotent"],
      },
    },
  );

const breakBad = () => simulator.behave({ match: { path: "/bad*" }, behaviour: { status: 500 } });

async function post({ addresses }: RunningGateway, body: string) {
  const answer = await request(`${addresses.admin}/explain`, { method: "POST", body });
  return { status: answer.statusCode, text: await answer.body.text() };
}

describe("a running gateway that is asked where a prompt would go", () => {
  let gateway: RunningGateway;
  useSharedProcesses(take, async () => {
    gateway = await workplace.start();
  });

  /** Has the gateway run this, and remember nothing of what it ran before. */
  async function run(config: ConfigObject): Promise<void> {
    for (const content of [{ _format_version: "3.0" }, config]) {
      workplace.write(content);
      const answer = await request(`${gateway.addresses.admin}/reload`, { method: "POST" });
      expect([answer.statusCode, await answer.body.text()]).toEqual([200, expect.any(String)]);
    }
  }

  it("shows a breaker that has opened, and does not choose that target", async () => {
    breakBad();
    await run(breaking());
    const { addresses } = gateway;
    const before = await runCommandLine(command, line());
    expect(before.stderr).toBe("");
    expect(before.code).toBe(0);
    expect(before.stdout).toMatch(/^target {5}openai\/gpt-4o$/m);
    expect(before.stdout).toMatch(/^ {2}openai\/gpt-4o +99 {2}in use +0 {2}priority 1$/m);
    expect((await ask(addresses.proxy)).model).toBe("openai/gpt-4o-mini");
    const after = await explain();
    expect(after.code).toBe(0);
    expect(after.stdout).toMatch(/^target {5}openai\/gpt-4o-mini$/m);
    expect(after.stdout).toMatch(
      /^ {2}openai\/gpt-4o +99 {2}open, 1 failure, retry in [1-6]\d s +0 {2}priority 1$/m,
    );
    expect(after.stdout).toMatch(/^ {2}openai\/gpt-4o-mini +1 {2}in use +0 {2}priority 2$/m);
    const told = await explained();
    expect(told).toMatchObject({
      plugin: "ai-proxy-advanced",
      algorithm: "priority",
      target: "openai/gpt-4o-mini",
    });
    const status = JSON.parse((await read(`${addresses.status}/status`)).text);
    expect(told.targets).toEqual(
      status.targets.map(({ pluginId, ...target }: { pluginId: string; index: number }) => {
        expect(pluginId).toBe(told.pluginId);
        return target.index === 0 ? { ...target, retryInMs: expect.any(Number) } : target;
      }),
    );
    expect(after.stdout + JSON.stringify(told)).not.toContain(targetKey);
  });

  it("tells the very error that a client would get where nothing is left", async () => {
    simulator.behave({ behaviour: { status: 500 } });
    await run(breaking());
    await ask(gateway.addresses.proxy);
    const { code, stdout } = await explain();
    const client = JSON.parse((await ask(gateway.addresses.proxy)).text);
    expect(code).toBe(1);
    const withoutTime = (text: string) => text.replaceAll(/\d+ s\b/g, "N s");
    expect(withoutTime(stdout)).toContain(`target     none: 503 ${withoutTime(client.error.message)}\n`);
  });

  it("is not moved by it: requests in turn go on in turn", async () => {
    await run(
      chatConfig(
        ["gpt-4o", "gpt-4o-mini"].map((model) => openaiTarget(chatUrl(simulator.url), { model })),
        { balancer: { algorithm: "round-robin" } },
      ),
    );
    for (const model of ["openai/gpt-4o", "openai/gpt-4o-mini", "openai/gpt-4o"]) {
      for (let count = 0; count < 3; count++)
        expect(JSON.parse((await post(gateway, '{"prompt":"Hi"}')).text).explanations).toMatchObject([
          { target: model },
        ]);
      expect((await ask(gateway.addresses.proxy)).model).toBe(model);
    }
    const received = simulator.received().length;
    expect(received).toBe(3);
  });

  it("takes a whole chat request, with headers, and decides by meaning", async () => {
    await run(
      chatConfig(
        [
          openaiTarget(chatUrl(simulator.url), { description: "Specialist in python" }),
          openaiTarget(chatUrl(simulator.url), { description: "CATCHALL", model: "gpt-4o-mini" }),
        ],
        semanticBlocks({}),
      ),
    );
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: "How do I write a Python function?" },
    ];
    const { status, text } = await post(
      gateway,
      JSON.stringify({ body: { messages }, headers: { "X-A": "1" } }),
    );
    expect(status).toBe(200);
    expect(JSON.parse(text).explanations).toMatchObject([
      { algorithm: "semantic", target: "openai/gpt-4o", decision: { reason: "matched" }, targets: [{}, {}] },
    ]);
    const refused = await explain("--model", "gpt-9");
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain(
      "target     none: 400 cannot use own model - must be: gpt-4o, gpt-4o-mini",
    );
  });

  it("refuses what is no question in the words of its errors", async () => {
    await run(chatConfig([openaiTarget(chatUrl(simulator.url))]));
    const bad = await post(gateway, '{"promt":"Hi"}');
    expect(bad.status).toBe(400);
    expect(JSON.parse(bad.text)).toEqual({
      message: "cannot explain: unknown field `promt`: did you mean `prompt`?",
      request_id: expect.any(String),
    });
    expect((await post(gateway, '{"prompt":"Hi","plugin":"x"}')).status).toBe(404);
    expect((await post(gateway, JSON.stringify({ prompt: "x".repeat(2 ** 20) }))).status).toBe(413);
    expect((await request(`${gateway.addresses.admin}/explain`)).statusCode).toBe(405);
  });
});

describe("a running gateway with workers that is asked where a prompt would go", () => {
  useProcesses(take);

  it("shows what all of them see, and which has decided", async () => {
    breakBad();
    workplace.write(breaking());
    const { addresses } = await workplace.start(["--workers", "2"]);
    expect(await explained()).toMatchObject({ target: "openai/gpt-4o", worker: 1 });
    // Connections are dealt out in turn: what the first has found the second may not have heard of yet.
    for (let count = 0; count < 4; count++) {
      const answer = await request(`${addresses.proxy}/chat`, {
        method: "POST",
        reset: true,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ messages: [{ role: "user", content: "Hi" }] }),
      });
      await answer.body.dump();
    }
    const told = await explained();
    expect(told).toMatchObject({ target: "openai/gpt-4o-mini", worker: 1 });
    expect(told.targets).toMatchObject([
      { name: "openai/gpt-4o", breaker: "open", failures: expect.toBeOneOf([1, 2]) },
      { name: "openai/gpt-4o-mini", breaker: "closed", attempts: 4, failed: 0 },
    ]);
    const { stdout } = await explain();
    expect(stdout).toMatch(/^decided by worker 1$/m);
    expect(stdout).toMatch(/^ {2}openai\/gpt-4o +99 {2}open, [12] failures?, retry in /m);
    const unknown = await explain("--plugin", "nobody");
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toMatch(/no plugin is called "nobody"; there are: /);
  });
});

describe("sluice explain without a file", () => {
  useProcesses(take);

  it("where nothing runs ends with 1 and says to start one or to give a file", async () => {
    const { code, stdout, stderr } = await explain();
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(join(workplace.prefix, "sluice.json"));
    expect(stderr).toMatch(
      /start one, give the --prefix of one that runs, or a file to decide from with -c FILE/,
    );
  });

  it("of a gateway without an admin listener says so, and what to do", async () => {
    await workplace.start(["--admin-listen", "off"]);
    const { code, stderr } = await explain();
    expect(code).toBe(1);
    expect(stderr).toMatch(/has no admin listener to be asked at: start it with one .* -c FILE/);
  });

  it("of a gateway that is gone says so, and what to do", async () => {
    mkdirSync(workplace.prefix);
    const content = { pid: 1, admin: `http://127.0.0.1:${refusingPort}` };
    writeFileSync(join(workplace.prefix, "sluice.json"), JSON.stringify(content));
    const { code, stderr } = await explain();
    expect(code).toBe(1);
    expect(stderr).toMatch(/^sluice explain: process 1 cannot be reached \(.+\): if it is gone, remove /);
  });
});

describe("sluice explain with a file", () => {
  useProcesses(take);

  it("decides from it whatever runs, in words without a table of targets, as JSON with them", async () => {
    const { code, stdout } = await explain("-c", workplace.config);
    expect(code).toBe(0);
    expect(stdout).toMatch(/target {5}openai\/gpt-4o\n$/);
    expect((await explained("-c", workplace.config)).targets).toMatchObject([
      { name: "openai/gpt-4o", breaker: "off", inFlight: 0 },
    ]);
  });
});
