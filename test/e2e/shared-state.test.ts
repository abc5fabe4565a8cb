/** Workers of one gateway, and gateways that share a Redis server, balance as one. Real processes. */
import { Agent, request } from "undici";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { allHaveHeard, hello, read } from "../support/ask.ts";
import { type ConfigObject, chatUrl, openaiTarget, routesConfig } from "../support/gateway-config.ts";
import { describeWithServer, startServer, type TestServer } from "../support/servers.ts";
import type { RunningGateway, Workplace } from "../support/sluice-process.ts";
import { openStream, type StreamAnswer } from "../support/stream-client.ts";
import { type ProcessParts, useProcesses, useSharedProcesses } from "../support/use-processes.ts";

let simulator: Simulator;
let workplace: Workplace;
const take = (parts: ProcessParts) => {
  ({ simulator, workplace } = parts);
};

/** Each of its requests comes over a connection of its own, so that workers get them in turn. */
const eachOnItsOwn = new Agent({ pipelining: 0 });
afterAll(() => eachOnItsOwn.close());

const until = (holds: () => boolean | Promise<boolean>, timeout = 15_000) =>
  vi.waitUntil(holds, { timeout, interval: 20 });

async function ask({ addresses }: RunningGateway, route = "chat") {
  const answer = await request(`${addresses.proxy}/${route}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(hello),
    dispatcher: eachOnItsOwn,
  });
  await answer.body.dump();
  return { status: answer.statusCode, model: answer.headers["x-kong-llm-model"] };
}

interface TargetRow {
  readonly name: string;
  readonly breaker: string;
  readonly failures: number;
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

/** Nine requests take less, however busy the machine is. */
const failTimeoutMs = 4_000;

/** The first, at `path`, is always tried first, and fails; the second takes over. */
const breaking = (path: string, failTimeout: number, more: ConfigObject = {}): ConfigObject => ({
  targets: [
    openaiTarget(chatUrl(simulator.url, path), { model: "gpt-4o", weight: 2 }),
    openaiTarget(chatUrl(simulator.url, "second"), { model: "gpt-4o-mini", weight: 1 }),
  ],
  balancer: {
    algorithm: "priority",
    max_fails: 3,
    fail_timeout: failTimeout,
    failover_criteria: ["http_500", "non_idempotent"],
  },
  ...more,
});

/** The same of the one that tries. */
const probeMs = 3_000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const nine = [..."abcdefghi"];

describe("workers of one gateway", () => {
  let gateway: RunningGateway;
  useSharedProcesses(take, async () => {
    const named = (path: string, names: readonly string[]) =>
      names.map((name) =>
        openaiTarget(chatUrl(simulator.url, `${path}-${name}`), { model: `${path}-${name}` }),
      );
    workplace.write(
      routesConfig({
        breaking: breaking("first", failTimeoutMs),
        "breaking-for-long": breaking("long", 60_000),
        streams: { targets: named("streams", nine), balancer: { algorithm: "least-connections" } },
        usage: { targets: named("usage", ["a", "b"]), balancer: { algorithm: "lowest-usage" } },
      }),
    );
    gateway = await workplace.start(["--workers", "3"]);
  });

  const breakersOf = async (at: number) =>
    (await statusOf(gateway)).targets.slice(at, at + 2).map(({ breaker }) => breaker);

  it("open a breaker together, let one of them try, and close it together", async () => {
    simulator.behave({ match: { path: "/first*" }, behaviour: { status: 500 } });
    for (let count = 0; count < 3; count++) {
      expect((await ask(gateway, "breaking")).model).toBe("openai/gpt-4o-mini");
      await allHaveHeard(gateway);
    }
    const openedAt = performance.now();
    expect(await breakersOf(0)).toEqual(["open", "closed"]);
    // One failure in each of the three workers: each alone would go on.
    for (let count = 0; count < 9; count++) await ask(gateway, "breaking");
    expect(callsTo("first")).toBe(3);

    await pause(failTimeoutMs - (performance.now() - openedAt));
    simulator.reset();
    simulator.behave({ match: { path: "/first*" }, behaviour: { latencyMs: probeMs } });
    const probe = ask(gateway, "breaking");
    await until(() => callsTo("first") === 1);
    await allHaveHeard(gateway);
    const answers = await Promise.all(Array.from({ length: 9 }, () => ask(gateway, "breaking")));
    expect(answers.every(({ model }) => model === "openai/gpt-4o-mini")).toBe(true);
    expect(callsTo("first")).toBe(1);
    simulator.reset();
    expect((await probe).model).toBe("openai/gpt-4o");
    await allHaveHeard(gateway);
    expect(await breakersOf(0)).toEqual(["closed", "closed"]);
    for (let count = 0; count < 3; count++)
      expect((await ask(gateway, "breaking")).model).toBe("openai/gpt-4o");
  });

  it("tell a worker that replaces another what they know", async () => {
    simulator.behave({ match: { path: "/long*" }, behaviour: { status: 500 } });
    for (let count = 0; count < 3; count++) {
      await ask(gateway, "breaking-for-long");
      await allHaveHeard(gateway);
    }
    const [one] = (await statusOf(gateway)).workers ?? [];
    if (one === undefined) throw new Error("no worker");
    process.kill(one.pid, "SIGKILL");
    await until(async () => {
      const { workers = [] } = await statusOf(gateway);
      return workers.every(({ state, pid }) => state === "serving" && pid !== one.pid);
    }, 30_000);
    for (let count = 0; count < 6; count++)
      expect((await ask(gateway, "breaking-for-long")).model).toBe("openai/gpt-4o-mini");
    expect(callsTo("long")).toBe(3);
  });

  it("spread what is under way over the targets, whoever has it", async () => {
    simulator.behave({ match: { path: "/streams*" }, behaviour: { stallAfterChunks: 3 } });
    const streams: StreamAnswer[] = [];
    for (let count = 0; count < nine.length; count++) {
      streams.push(await openStream(`${gateway.addresses.proxy}/streams`, { ...hello, stream: true }));
      await allHaveHeard(gateway);
    }
    // Three workers on their own would choose nine different ones by chance, once in 350 times.
    expect(nine.map((name) => callsTo(`streams-${name}`))).toEqual(nine.map(() => 1));
    for (const stream of streams) stream.leave();
    await until(async () => (await statusOf(gateway)).targets.every(({ inFlight }) => inFlight === 0));
  });

  it("count usage together", async () => {
    // What the first answer of "a" costs is as much as many of "b".
    simulator.behave({ match: { path: "/usage-a*" }, behaviour: { outputTokens: 500 } });
    simulator.behave({ match: { path: "/usage-b*" }, behaviour: { outputTokens: 10 } });
    for (let count = 0; count < 12; count++) {
      await ask(gateway, "usage");
      await allHaveHeard(gateway);
    }
    expect(callsTo("usage-a")).toBe(1);
    expect(callsTo("usage-b")).toBe(11);
  });
});

describeWithServer(
  "redis",
  "gateways that share a Redis server",
  () => {
    useProcesses(take);

    let redis: TestServer;
    beforeAll(async () => {
      redis = await startServer("redis");
    }, 30_000);
    afterAll(() => redis.stop());
    beforeEach(() => redis.restart({ empty: true }));

    const others: Workplace[] = [];
    afterEach(() => Promise.all(others.splice(0).map((place) => place.dispose())));

    const sharing = () => ({
      state: { strategy: "redis", interval: 50, redis: { host: redis.host, port: redis.port } },
    });

    async function startTwo(config: ConfigObject, ...args: string[]) {
      workplace.write(routesConfig({ chat: config }));
      return Promise.all([
        workplace.start(args),
        workplace.start([...args, "--prefix", `${workplace.prefix}-2`]),
      ]);
    }

    it("open a breaker together, and one that comes later knows of it", async () => {
      simulator.behave({ match: { path: "/first*" }, behaviour: { status: 500 } });
      const [a, b] = await startTwo(breaking("first", 60_000, sharing()));
      const failures = async (gateway: RunningGateway) => (await statusOf(gateway)).targets[0]?.failures;
      for (const [at, gateway] of [a, b, a].entries()) {
        await ask(gateway);
        await until(async () => (await failures(a)) === at + 1 && (await failures(b)) === at + 1);
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
      const [a, b] = await startTwo(breaking("first", failTimeoutMs, sharing()), "--workers", "2");
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
      await until(async () => isUp(await statusOf(a)));
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
