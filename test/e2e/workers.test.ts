/** `sluice start --workers`: one gateway of several processes. Real processes, real signals. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Agent, request } from "undici";
import { describe, expect, it } from "vitest";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { ask, hello, read } from "../support/ask.ts";
import { runHere } from "../support/command-line.ts";
import { until } from "../support/gateway.ts";
import { chatConfig, chatUrl, openaiTarget, targetKey } from "../support/gateway-config.ts";
import {
  type Command,
  type RunningGateway,
  runCommandLine,
  type Workplace,
} from "../support/sluice-process.ts";
import { openStream } from "../support/stream-client.ts";
import { type ProcessParts, useProcesses, useSharedProcesses } from "../support/use-processes.ts";

let command: Command;
let simulator: Simulator;
let workplace: Workplace;
const take = (parts: ProcessParts) => {
  ({ command, simulator, workplace } = parts);
};

const stream = { ...hello, stream: true };

interface WorkerRow {
  readonly number: number;
  readonly pid: number;
  readonly state: string;
  readonly current: boolean;
  readonly running?: number;
  readonly deaths: number;
  readonly last_death?: string;
}

const start = (...args: string[]) => workplace.start(["--workers", "2", ...args]);

async function statusOf({ addresses }: RunningGateway) {
  const { text } = await read(`${addresses.status}/status`);
  return JSON.parse(text) as {
    readonly ready: boolean;
    readonly running: number;
    readonly workers: WorkerRow[];
  };
}

async function workersOf(gateway: RunningGateway): Promise<readonly WorkerRow[]> {
  return (await statusOf(gateway)).workers;
}

async function untilWorkers(
  gateway: RunningGateway,
  what: string,
  holds: (workers: readonly WorkerRow[]) => boolean,
): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!holds(await workersOf(gateway))) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The sum of a family's samples. */
async function counted({ addresses }: RunningGateway, name: string): Promise<number> {
  const { text } = await read(`${addresses.status}/metrics`);
  const samples = text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

/** A process that has ended and that nobody has asked about yet is no more either. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/.test(
      existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "utf8") : "",
    );
  } catch {
    return false;
  }
}

const oneTarget = (model: string) => chatConfig([openaiTarget(chatUrl(simulator.url), { model })]);

describe("a gateway with workers", () => {
  let gateway: RunningGateway;
  useSharedProcesses(take, async () => {
    gateway = await start();
  });

  async function reload(): Promise<void> {
    const answer = await request(`${gateway.addresses.admin}/reload`, { method: "POST" });
    expect([answer.statusCode, await answer.body.text()]).toEqual([200, expect.any(String)]);
  }

  it("is ready once, behind one port each, and both workers get connections", async () => {
    simulator.behave({ behaviour: { stallAfterChunks: 3 } });
    expect(gateway.addresses).toEqual({
      message: "ready",
      proxy: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      admin: expect.any(String),
      status: expect.any(String),
      workers: 2,
    });
    expect(JSON.parse(readFileSync(join(workplace.prefix, "sluice.json"), "utf8"))).toMatchObject({
      pid: gateway.child.pid,
    });
    const streams = await Promise.all(
      Array.from({ length: 4 }, () => openStream(`${gateway.addresses.proxy}/chat`, stream)),
    );
    const status = await statusOf(gateway);
    expect(status).toMatchObject({ ready: true, running: 4, routes: 1 });
    expect(status.workers).toMatchObject([
      { number: 1, state: "serving", current: true, running: 2, deaths: 0 },
      { number: 2, state: "serving", current: true, running: 2, deaths: 0 },
    ]);
    expect(new Set([gateway.child.pid, ...status.workers.map(({ pid }) => pid)]).size).toBe(3);
    expect((await read(`${gateway.addresses.status}/status/ready`)).text).toBe('{"message":"ready"}');
    for (const each of streams) each.leave();
    await expect.poll(async () => (await statusOf(gateway)).running).toBe(0);
  });

  it("adds up what all have counted, and writes every record as a line of its own", async () => {
    const before = gateway.records().length;
    const said = gateway.stdout().length;
    const counts = ["kong_http_requests_total", "kong_request_latency_ms_count"];
    const counted0 = await Promise.all(counts.map((name) => counted(gateway, name)));
    // Longer than what a pipe keeps together, so that lines of two writers would be cut into each other.
    const logged = chatConfig([
      openaiTarget(chatUrl(simulator.url), {
        extra: { logging: { log_payloads: true, log_statistics: true } },
      }),
    ]);
    workplace.write(logged);
    await reload();
    const body = { messages: [{ role: "user", content: "x".repeat(6_000) }] };
    const requests = 60;
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        for (let at = 0; at < requests / 6; at++)
          expect((await ask(gateway.addresses.proxy, body)).status).toBe(200);
      }),
    );
    for (const [at, name] of counts.entries())
      expect(await counted(gateway, name), name).toBe((counted0[at] ?? 0) + requests);
    expect(await counted(gateway, "sluice_workers_serving")).toBe(2);
    await until(() => gateway.records().length === before + requests, "the records");
    expect(gateway.stdout().length - said).toBeGreaterThan(requests * 6_000);
    expect(gateway.stderr()).not.toContain(targetKey);
  });

  it("has all run a good file when it is reloaded, none a bad one, and no request fails", async () => {
    const { addresses, signal, stderr } = gateway;
    const before = stderr().length;
    const deaths = (await workersOf(gateway)).map((row) => row.deaths);
    const agent = new Agent({ connections: 4 });
    let isOver = false;
    let requests = 0;
    const failures: string[] = [];
    const load = async () => {
      while (!isOver) {
        const { statusCode, body } = await request(`${addresses.proxy}/chat`, {
          method: "POST",
          body: JSON.stringify(hello),
          dispatcher: agent,
        });
        const text = await body.text();
        requests++;
        if (statusCode !== 200 || !text.includes("chat.completion")) failures.push(`${statusCode} ${text}`);
      }
    };
    const models = async () =>
      new Set(await Promise.all([1, 2, 3, 4].map(async () => (await ask(addresses.proxy)).model)));
    const loads = [load(), load(), load(), load()];
    for (let at = 0; at < 10; at++) {
      workplace.write(oneTarget(`gpt-4o-${at}`));
      await reload();
      expect(await models()).toEqual(new Set([`openai/gpt-4o-${at}`]));
    }
    workplace.write('_format_version: "3.0"\nservicez: []\n');
    const refused = await runHere(["reload", "--prefix", workplace.prefix]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/gateway\.yaml:2:1: .*servicez/);
    expect(refused.stderr).toContain("the old configuration goes on running");
    expect(await models()).toEqual(new Set(["openai/gpt-4o-9"]));
    workplace.write(oneTarget("gpt-4o-mini"));
    signal("SIGHUP");
    await until(
      () => stderr().slice(before).split("reloaded, 1 routes").length === 12,
      "the reload by SIGHUP",
    );
    expect(await models()).toEqual(new Set(["openai/gpt-4o-mini"]));
    isOver = true;
    await Promise.all(loads);
    await agent.close();
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(20);
    expect((await workersOf(gateway)).map((row) => row.deaths)).toEqual(deaths);
  });

  it("loses with a worker that is killed its own requests and no other, and replaces it by one with the current config", async () => {
    simulator.behave({ behaviour: { outputTokens: 200, perTokenMs: 5 } });
    const { addresses, stderr } = gateway;
    workplace.write(oneTarget("gpt-4o-mini"));
    await reload();
    const earlier = await counted(gateway, "kong_http_requests_total");
    const [first] = await workersOf(gateway);
    if (first === undefined) throw new Error("there is a worker");
    await Promise.all(Array.from({ length: 4 }, () => ask(addresses.proxy)));
    const before = await counted(gateway, "kong_http_requests_total");
    expect(before).toBe(earlier + 4);

    const streams = await Promise.all(
      Array.from({ length: 4 }, () => openStream(`${addresses.proxy}/chat`, stream)),
    );
    await Promise.all(streams.map((each) => each.next()));
    process.kill(first.pid, "SIGKILL");
    await until(() => stderr().includes("a worker died"), "the death is noticed");
    const during = await Promise.all(Array.from({ length: 6 }, () => ask(addresses.proxy)));
    expect(during.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    const ends = await Promise.all(streams.map((each) => each.rest()));
    expect(ends.filter(({ complete }) => complete)).toHaveLength(2);
    expect(ends.filter(({ text }) => text.endsWith("data: [DONE]\n\n"))).toHaveLength(2);

    await untilWorkers(gateway, "the replacement", (rows) => rows.every(({ current }) => current));
    const [replaced, other] = await workersOf(gateway);
    expect(replaced).toMatchObject({ number: 1, deaths: 1, last_death: "signal SIGKILL" });
    expect(replaced?.pid).not.toBe(first.pid);
    expect(other?.deaths).toBe(0);
    const answers = await Promise.all(Array.from({ length: 4 }, () => ask(addresses.proxy)));
    expect(new Set(answers.map(({ model }) => model))).toEqual(new Set(["openai/gpt-4o-mini"]));
    // Nothing that was told once is taken back: 4 before, then 2 streams that ended, 6 and 4 whole ones.
    expect(await counted(gateway, "kong_http_requests_total")).toBe(before + 12);
    expect(await counted(gateway, "sluice_worker_deaths_total")).toBe(1);
    expect(stderr().match(/a worker died/g)).toHaveLength(1);
    expect(stderr()).toContain('"how":"signal SIGKILL"');
    expect((await read(`${addresses.status}/status/ready`)).text).toBe('{"message":"ready"}');
  });
});

describe("a gateway that is to have workers", () => {
  useProcesses(take);

  it("starts not at all when the port is taken or the file is bad, and leaves no process", async () => {
    await expect(start("--proxy-listen", `127.0.0.1:${simulator.port}`)).rejects.toThrow(
      new RegExp(`sluice start: cannot listen on 127\\.0\\.0\\.1:${simulator.port}: .*EADDRINUSE`),
    );
    workplace.write('_format_version: "3.0"\nservicez: []\n');
    const { code, stdout, stderr } = await runCommandLine(
      command,
      ["start", "-c", workplace.config, "--prefix", workplace.prefix],
      { env: { SLUICE_WORKERS: "2" } },
    );
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/gateway\.yaml:2:1: .*servicez/);
    expect(stderr.match(/nothing was changed/g)).toHaveLength(1);
  });
});

describe("a worker that is killed", () => {
  useProcesses(take);

  it("again and again ends the gateway with an error that says why", async () => {
    const gateway = await start();
    const { finished, stderr } = gateway;
    const [, second] = await workersOf(gateway);
    for (let deaths = 0, pid = second?.pid; deaths < 5; deaths++) {
      if (pid === undefined) throw new Error("there is a second worker");
      process.kill(pid, "SIGKILL");
      if (deaths === 4) break;
      const killed = pid;
      await untilWorkers(gateway, "another in its place", ([, row]) => {
        pid = row?.pid;
        return pid !== killed; // one that is still starting dies as well
      });
    }
    expect((await finished).code).toBe(1);
    expect(stderr()).toContain(
      "sluice start: worker 2 died 5 times within 10 s, the last time with signal SIGKILL",
    );
    expect(existsSync(join(workplace.prefix, "sluice.json"))).toBe(false);
  });
});

describe("workers that are told to stop", () => {
  useProcesses(take);

  it("let running streams end, all of them, and the gateway ends with 0", async () => {
    simulator.behave({ behaviour: { outputTokens: 200, perTokenMs: 5 } });
    const gateway = await start();
    const { addresses, signal, finished, stderr } = gateway;
    const pids = (await workersOf(gateway)).map(({ pid }) => pid);
    const streams = await Promise.all(
      Array.from({ length: 4 }, () => openStream(`${addresses.proxy}/chat`, stream)),
    );
    await Promise.all(streams.map((each) => each.next()));
    // As a terminal's Ctrl-C or systemd do it: everybody hears the signal.
    for (const pid of pids) process.kill(pid, "SIGTERM");
    signal("SIGTERM");
    await until(() => stderr().includes('"stopping"'), "the signal is heard");
    await expect(ask(addresses.proxy)).rejects.toThrow(/ECONNREFUSED|ECONNRESET|other side closed/);
    expect((await read(`${addresses.status}/status/ready`)).status).toBe(503);
    const ends = await Promise.all(streams.map((each) => each.rest()));
    expect(ends.every(({ text, complete }) => complete && text.endsWith("data: [DONE]\n\n"))).toBe(true);
    const { code, stdout } = await finished;
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n")).toHaveLength(5);
    expect(stderr().match(/"stopped"/g)).toHaveLength(1);
    expect(stderr()).not.toContain("a worker died");
    expect(existsSync(join(workplace.prefix, "sluice.json"))).toBe(false);
    expect(pids.filter(isAlive)).toEqual([]);
  });

  it("cut what still runs at the deadline, and do not wait for connections that are only kept", async () => {
    simulator.behave({ behaviour: { stallAfterChunks: 3 } });
    const gateway = await start("--stop-timeout", "200");
    const { addresses, signal, finished } = gateway;
    const agent = new Agent({ keepAliveTimeout: 60_000 });
    await (await request(`${addresses.proxy}/nowhere`, { dispatcher: agent })).body.dump();
    const answer = await openStream(`${addresses.proxy}/chat`, stream);
    await answer.next();
    const toldAt = performance.now();
    signal("SIGTERM");
    expect((await answer.rest()).complete).toBe(false);
    expect((await finished).code).toBe(0);
    expect(performance.now() - toldAt).toBeLessThan(20_000); // the wait for streams is 30 s, that for connections 60 s
    await agent.destroy();
  });

  it("twice end at once, with 1", async () => {
    simulator.behave({ behaviour: { hang: true } });
    const gateway = await start();
    const { addresses, signal, finished, stderr } = gateway;
    const pids = (await workersOf(gateway)).map(({ pid }) => pid);
    const asking = ask(addresses.proxy);
    asking.catch(() => undefined);
    await until(() => simulator.received().length === 1, "the request is on its way");
    signal("SIGTERM");
    await until(() => stderr().includes('"stopping"'), "the signal is heard");
    signal("SIGTERM");
    expect((await finished).code).toBe(1);
    await expect(asking).rejects.toThrow();
    await until(() => !pids.some(isAlive), "the workers' end");
  });

  it("end by themselves when the process in front of them is killed", async () => {
    const gateway = await start();
    const pids = (await workersOf(gateway)).map(({ pid }) => pid);
    expect(pids.every(isAlive)).toBe(true);
    gateway.signal("SIGKILL");
    await gateway.finished;
    await until(() => !pids.some(isAlive), "the workers' end");
  });
});
