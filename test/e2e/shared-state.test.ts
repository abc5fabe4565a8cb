/** Workers of one gateway, and gateways that share a Redis server, balance as one. Real processes. */
import { Agent, request } from "undici";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { hello, read } from "../support/ask.ts";
import { type ConfigObject, chatConfig, chatUrl, openaiTarget } from "../support/gateway-config.ts";
import { describeWithServer, startServer, type TestServer } from "../support/servers.ts";
import type { RunningGateway, Workplace } from "../support/sluice-process.ts";
import { openStream, type StreamAnswer } from "../support/stream-client.ts";
import { useProcesses } from "../support/use-processes.ts";

let simulator: Simulator;
let workplace: Workplace;
useProcesses((parts) => {
  ({ simulator, workplace } = parts);
});

/** Each of its requests comes over a connection of its own, so that workers get them in turn. */
const eachOnItsOwn = new Agent({ pipelining: 0 });
afterAll(() => eachOnItsOwn.close());

const until = (holds: () => boolean | Promise<boolean>, timeout = 10_000) =>
  vi.waitUntil(holds, { timeout, interval: 20 });

async function ask({ addresses }: RunningGateway, body: object = hello) {
  const answer = await request(`${addresses.proxy}/chat`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    dispatcher: eachOnItsOwn,
  });
  await answer.body.dump();
  return { status: answer.statusCode, model: answer.headers["x-kong-llm-model"] };
}

interface TargetRow {
  readonly name: string;
  readonly breaker: string;
  readonly inFlight: number;
  readonly scores: Readonly<Record<string, number>>;
}

async function statusOf({ addresses }: RunningGateway) {
  return JSON.parse((await read(`${addresses.status}/status`)).text) as {
    readonly targets: readonly TargetRow[];
    readonly components: readonly { readonly component: string; readonly state: string }[];
    readonly workers?: readonly { readonly pid: number; readonly state: string }[];
  };
}

const callsTo = (name: string) =>
  simulator.received().filter(({ path }) => path.startsWith(`/${name}/`)).length;

const failTimeoutMs = 1_500;

/** The first is always tried first, and fails; the second takes over. */
const breaking = (more: ConfigObject = {}, failTimeout = failTimeoutMs): ConfigObject =>
  chatConfig(
    [
      openaiTarget(chatUrl(simulator.url, "first"), { model: "gpt-4o", weight: 2 }),
      openaiTarget(chatUrl(simulator.url, "second"), { model: "gpt-4o-mini", weight: 1 }),
    ],
    {
      balancer: {
        algorithm: "priority",
        max_fails: 3,
        fail_timeout: failTimeout,
        failover_criteria: ["http_500", "non_idempotent"],
      },
      ...more,
    },
  );

/** Enough for what one process knows to have come to the others. */
const newsMs = 150;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("workers of one gateway", () => {
  it("open a breaker together, let one of them try, and close it together", async () => {
    simulator.behave({ match: { path: "/first*" }, behaviour: { status: 500 } });
    workplace.write(breaking());
    const gateway = await workplace.start(["--workers", "3"]);
    for (let count = 0; count < 3; count++) {
      expect((await ask(gateway)).model).toBe("openai/gpt-4o-mini");
      await pause(newsMs);
    }
    // One failure in each of the three workers: each alone would go on.
    for (let count = 0; count < 9; count++) await ask(gateway);
    expect(callsTo("first")).toBe(3);
    expect((await statusOf(gateway)).targets.map(({ breaker }) => breaker)).toEqual(["open", "closed"]);

    await pause(failTimeoutMs);
    simulator.reset();
    simulator.behave({ match: { path: "/first*" }, behaviour: { latencyMs: 1_000 } });
    const probe = ask(gateway);
    await until(() => callsTo("first") === 1);
    await pause(newsMs);
    const answers = await Promise.all(Array.from({ length: 9 }, () => ask(gateway)));
    expect(answers.every(({ model }) => model === "openai/gpt-4o-mini")).toBe(true);
    expect(callsTo("first")).toBe(1);
    expect((await probe).model).toBe("openai/gpt-4o");
    await until(async () => (await statusOf(gateway)).targets[0]?.breaker === "closed");
    await pause(newsMs);
    for (let count = 0; count < 3; count++) expect((await ask(gateway)).model).toBe("openai/gpt-4o");
  });

  it("tell a worker that replaces another what they know", async () => {
    simulator.behave({ match: { path: "/first*" }, behaviour: { status: 500 } });
    workplace.write(breaking({}, 60_000));
    const gateway = await workplace.start(["--workers", "2"]);
    for (let count = 0; count < 3; count++) await ask(gateway);
    await pause(newsMs);
    const [one] = (await statusOf(gateway)).workers ?? [];
    if (one === undefined) throw new Error("no worker");
    process.kill(one.pid, "SIGKILL");
    await until(async () => {
      const { workers = [] } = await statusOf(gateway);
      return workers.every(({ state, pid }) => state === "serving" && pid !== one.pid);
    }, 10_000);
    const before = callsTo("first");
    for (let count = 0; count < 6; count++) expect((await ask(gateway)).model).toBe("openai/gpt-4o-mini");
    expect(callsTo("first")).toBe(before);
  });

  it("spread what is under way over the targets, whoever has it", async () => {
    simulator.behave({ behaviour: { outputTokens: 400, perTokenMs: 5 } });
    const targets = ["a", "b", "c"].map((name) =>
      openaiTarget(chatUrl(simulator.url, name), { model: name }),
    );
    workplace.write(chatConfig(targets, { balancer: { algorithm: "least-connections" } }));
    const gateway = await workplace.start(["--workers", "3"]);
    const streams: StreamAnswer[] = [];
    for (let count = 0; count < 9; count++) {
      streams.push(await openStream(`${gateway.addresses.proxy}/chat`, { ...hello, stream: true }));
      await pause(60);
    }
    expect(["a", "b", "c"].map(callsTo)).toEqual([3, 3, 3]);
    for (const stream of streams) stream.leave();
    await until(async () => (await statusOf(gateway)).targets.every(({ inFlight }) => inFlight === 0));
  });

  it("count usage together", async () => {
    const targets = ["a", "b"].map((name) => openaiTarget(chatUrl(simulator.url, name), { model: name }));
    workplace.write(chatConfig(targets, { balancer: { algorithm: "lowest-usage" } }));
    // What the first answer of "a" costs is as much as many of "b".
    simulator.behave({ match: { path: "/a*" }, behaviour: { outputTokens: 500 } });
    simulator.behave({ match: { path: "/b*" }, behaviour: { outputTokens: 10 } });
    const gateway = await workplace.start(["--workers", "2"]);
    for (let count = 0; count < 12; count++) {
      await ask(gateway);
      await pause(60);
    }
    expect(callsTo("a")).toBe(1);
    expect(callsTo("b")).toBe(11);
  });
});

describeWithServer(
  "redis",
  "gateways that share a Redis server",
  () => {
    let redis: TestServer;
    beforeAll(async () => {
      redis = await startServer("redis");
    }, 30_000);
    afterAll(() => redis.stop());
    beforeEach(() => redis.restart({ empty: true }));

    const others: Workplace[] = [];
    afterEach(() => Promise.all(others.splice(0).map((place) => place.dispose())));

    const state = () => ({
      state: { strategy: "redis", interval: 50, redis: { host: redis.host, port: redis.port } },
    });

    async function startTwo(config: ConfigObject, ...args: string[]) {
      workplace.write(config);
      return Promise.all([
        workplace.start(args),
        workplace.start([...args, "--prefix", `${workplace.prefix}-2`]),
      ]);
    }

    it("open a breaker together, and one that comes later knows of it", async () => {
      simulator.behave({ match: { path: "/first*" }, behaviour: { status: 500 } });
      const [a, b] = await startTwo(breaking(state(), 60_000));
      for (const gateway of [a, b, a]) {
        await ask(gateway);
        await pause(newsMs);
      }
      for (const gateway of [a, b]) {
        expect((await statusOf(gateway)).targets[0]?.breaker).toBe("open");
        await ask(gateway);
      }
      expect(callsTo("first")).toBe(3);
      a.signal("SIGTERM");
      b.signal("SIGTERM");
      await Promise.all([a.finished, b.finished]);
      const c = await workplace.start();
      await until(async () => (await statusOf(c)).targets[0]?.breaker === "open");
      await ask(c);
      expect(callsTo("first")).toBe(3);
    });

    it("serve on by what each knows while the server is away, and say so", async () => {
      const [a, b] = await startTwo(breaking(state()), "--workers", "2");
      expect((await ask(a)).status).toBe(200);
      await until(async () => isUp(await statusOf(a)) && isUp(await statusOf(b)));
      await redis.kill();
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, count) => ask(count % 2 === 0 ? a : b)),
      );
      expect(answers.every(({ status }) => status === 200)).toBe(true);
      await until(async () => (await read(`${a.addresses.status}/status/ready`)).text.includes("degraded"));
      expect((await read(`${a.addresses.status}/metrics`)).text).toMatch(/^sluice_shared_state_up\{.*\} 0$/m);
      await redis.restart({ empty: true });
      await until(async () => isUp(await statusOf(a)), 10_000);
      const warnings = a
        .stderr()
        .split("\n")
        .filter((line) => line.includes("the server that shares state is away"));
      expect(warnings).toHaveLength(2); // one for each worker
    });

    function isUp({ components }: Awaited<ReturnType<typeof statusOf>>): boolean {
      return components.some(({ component, state: found }) => component === "shared_state" && found === "up");
    }
  },
  { owned: true },
);
