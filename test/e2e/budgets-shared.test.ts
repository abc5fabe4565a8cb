/** Budgets of several processes: workers of one gateway, and gateways on one Redis server. Real processes, real kills. */
import { Agent, request } from "undici";
import { afterAll, describe, expect, it, vi } from "vitest";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { allHaveHeard, hello, read } from "../support/ask.ts";
import { type ConfigObject, chatConfig, chatUrl, openaiTarget } from "../support/gateway-config.ts";
import { describeWithServer, startServer, type TestServer } from "../support/servers.ts";
import type { RunningGateway, Workplace } from "../support/sluice-process.ts";
import { useProcesses } from "../support/use-processes.ts";

let simulator: Simulator;
let workplace: Workplace;
useProcesses((parts) => {
  ({ simulator, workplace } = parts);
});

/** Each request comes over a connection of its own, so that workers get them in turn. */
const eachOnItsOwn = new Agent({ pipelining: 0 });
afterAll(() => eachOnItsOwn.close());

const until = (holds: () => boolean | Promise<boolean>, timeout = 10_000) =>
  vi.waitUntil(holds, { timeout, interval: 20 });

/** A year: fixed windows begin at multiples since 1970, and none is to end during a test. */
const windowSeconds = 365 * 24 * 3600;

async function ask({ addresses }: RunningGateway, more: object = {}) {
  const answer = await request(`${addresses.proxy}/chat`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...hello, max_tokens: 10, ...more }),
    dispatcher: eachOnItsOwn,
  });
  const { usage } = (await answer.body.json()) as { usage?: { total_tokens: number } };
  const left = answer.headers[`x-ai-ratelimit-remaining-${windowSeconds}-policy-1`];
  return { status: answer.statusCode, tokens: usage?.total_tokens ?? 0, left: Number(left) };
}

/** One target, and a limit that all callers share. */
function limited(limit: number, config: ConfigObject): ConfigObject {
  const base = chatConfig([openaiTarget(chatUrl(simulator.url))]);
  const limits = [{ limit, window_size: windowSeconds }];
  const budget = {
    name: "ai-rate-limiting-advanced",
    config: { policies: [{ limits, window_type: "fixed" }], ...config },
  };
  return { ...base, plugins: [budget, ...(base["plugins"] as ConfigObject[])] };
}

const sum = (answers: readonly { readonly tokens: number }[]) =>
  answers.reduce((total, { tokens }) => total + tokens, 0);

describe("a budget of one gateway with workers", () => {
  it("is one, not one for each", async () => {
    workplace.write(limited(200, {}));
    const gateway = await workplace.start(["--workers", "2"]);
    const answers = [];
    do {
      answers.push(await ask(gateway));
      await allHaveHeard(gateway);
    } while (answers.at(-1)?.status === 200 && answers.length < 60);
    expect(answers.at(-1)?.status).toBe(429);
    const most = Math.max(...answers.map(({ tokens }) => tokens));
    expect(sum(answers)).toBeGreaterThanOrEqual(200);
    expect(sum(answers)).toBeLessThan(200 + most);
  });
});

describeWithServer(
  "redis",
  "a budget of several gateways",
  () => {
    const on = (server: TestServer): ConfigObject => ({
      strategy: "redis",
      redis: {
        host: server.host,
        port: server.port,
      },
    });

    it("is not overshot by more than one request, whoever is asked, nor reset when one is killed", async () => {
      const server = await startServer("redis");
      // However busy the machine is, the server decides.
      const total = 800;
      workplace.write(limited(total, { ...on(server), reserve_timeout: 10_000 }));
      const [a, b] = [await workplace.start(), await workplace.start()];
      const first = await Promise.all(Array.from({ length: 10 }, (_, at) => ask(at % 2 === 0 ? a : b)));
      expect(first.every(({ status }) => status === 200)).toBe(true);
      const used = sum(first);
      let probe = await ask(b);
      let known = used + probe.tokens;
      expect(probe.left).toBeLessThanOrEqual(total - known);
      // Killed with a request under way, which stays counted as it was expected.
      const calls = simulator.received().length;
      const withdraw = simulator.behave({ behaviour: { latencyMs: 60_000 }, times: 1 });
      const cut = ask(a, { max_tokens: 300, n: 1 }).catch(() => undefined);
      await until(() => simulator.received().length > calls);
      a.signal("SIGKILL");
      await a.finished;
      await cut;
      withdraw();
      probe = await ask(b);
      known += probe.tokens;
      const underWay = total - known - probe.left;
      expect(underWay).toBeGreaterThanOrEqual(300);
      expect(underWay).toBeLessThan(340);
      const c = await workplace.start();
      const rest = await Promise.all(Array.from({ length: 60 }, (_, at) => ask(at % 2 === 0 ? b : c)));
      const most = Math.max(...rest.map(({ tokens }) => tokens));
      expect(rest.some(({ status }) => status === 429)).toBe(true);
      for (const gateway of [b, c]) expect(JSON.stringify(gateway.records())).not.toContain('"local"');
      expect(sum(rest) + known + underWay).toBeLessThan(total + most);
      await server.stop();
    }, 60_000);

    it("goes on in each while the server is away, and is whole again when it is back", async () => {
      const server = await startServer("redis");
      workplace.write(limited(100_000, on(server)));
      const [a, b] = [await workplace.start(), await workplace.start()];
      const answers = [await ask(a), await ask(b)];
      await server.kill();
      for (let at = 0; at < 3; at++) answers.push(await ask(a), await ask(b));
      expect(answers.every(({ status }) => status === 200)).toBe(true);
      const degraded = async ({ addresses }: RunningGateway) =>
        (await read(`${addresses.status}/status/ready`)).text;
      expect(await degraded(a)).toContain("budget_counters");
      expect((await read(`${a.addresses.status}/metrics`)).text).toMatch(
        /sluice_budget_local_decisions_total\{route="chat"\} [1-9]/,
      );
      await server.restart({ empty: true });
      await until(
        async () => !(await degraded(a)).includes("down") && !(await degraded(b)).includes("down"),
        30_000,
      );
      const expected = 100_000 - sum(answers);
      await until(async () => {
        const { left, tokens } = await ask(a, { max_tokens: 1 });
        answers.push({ status: 200, tokens, left });
        return left === 100_000 - sum(answers);
      });
      expect((await ask(b, { max_tokens: 1 })).left).toBeLessThan(expected);
      await server.stop();
    }, 90_000);
  },
  { owned: true },
);
