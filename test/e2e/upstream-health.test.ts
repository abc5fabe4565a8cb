/** The health of upstreams in the admin API of real processes: read, set by hand, and kept while workers come and go. */
import { join } from "node:path";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { adminClient } from "../support/admin-client.ts";
import { read } from "../support/ask.ts";
import { parseExposition, sumOf } from "../support/exposition.ts";
import { startUpstream, type Upstream } from "../support/http-upstream.ts";
import type { RunningGateway, Workplace } from "../support/sluice-process.ts";
import { useProcesses } from "../support/use-processes.ts";

let workplace: Workplace;
useProcesses((parts) => {
  ({ workplace } = parts);
});

let servers: readonly Upstream[];
beforeAll(async () => {
  servers = await Promise.all(["a", "b"].map((name) => startUpstream((_, response) => response.end(name))));
});
afterAll(() => Promise.all(servers.map((server) => server.close())));

const addresses = () => servers.map(({ port }) => `127.0.0.1:${port}`);

async function start(...args: string[]): Promise<RunningGateway> {
  workplace.write({
    _format_version: "3.0",
    services: [{ name: "s", host: "api.internal", routes: [{ name: "r", paths: ["/api"] }] }],
    upstreams: [{ name: "api.internal", targets: addresses().map((target) => ({ target })) }],
  });
  return workplace.start(args);
}

/** Who answers requests on connections of their own, so that all workers get some. */
async function answering({ addresses: { proxy } }: RunningGateway): Promise<string> {
  const answers = Array.from({ length: 12 }, async () => {
    const { body, statusCode } = await request(`${proxy}/api`, { reset: true });
    return statusCode === 200 ? body.text() : `${statusCode} ${await body.text()}`;
  });
  return [...new Set(await Promise.all(answers))].sort().join(" ");
}

/** Has what the file of the others has, by the admin API. */
async function configure({ addresses: { admin } }: RunningGateway): Promise<void> {
  const ask = adminClient(admin);
  const answers = [
    await ask("POST /services", { name: "s", host: "api.internal" }),
    await ask("POST /services/s/routes", { name: "r", paths: ["/api"] }),
    await ask("POST /upstreams", { name: "api.internal" }),
  ];
  for (const target of addresses())
    answers.push(await ask("POST /upstreams/api.internal/targets", { target }));
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
}

async function mark({ addresses: { admin } }: RunningGateway, health: string): Promise<number> {
  const [first] = addresses();
  const answer = await request(`${admin}/upstreams/api.internal/targets/${first}/${health}`, {
    method: "PUT",
  });
  await answer.body.dump();
  return answer.statusCode;
}

/** By address. */
async function healths({ addresses: { admin } }: RunningGateway): Promise<readonly string[]> {
  const { text } = await read(`${admin}/upstreams/api.internal/health`);
  const { data } = JSON.parse(text) as { readonly data: readonly Record<"health" | "target", string>[] };
  return addresses().map((address) => data.find(({ target }) => target === address)?.health ?? "missing");
}

/** The first, as the primary sees it. */
async function workerOf({ addresses: { status } }: RunningGateway) {
  const { workers } = JSON.parse((await read(`${status}/status`)).text) as {
    readonly workers: readonly { readonly pid: number; readonly state: string; readonly deaths: number }[];
  };
  const [first] = workers;
  if (first === undefined) throw new Error("there is no worker");
  return first;
}

/** Has the first worker die, and waits for the one in its place. */
async function replaceWorker(gateway: RunningGateway): Promise<void> {
  process.kill((await workerOf(gateway)).pid, "SIGKILL");
  const deadline = performance.now() + 30_000;
  for (;;) {
    const { deaths, state } = await workerOf(gateway);
    if (deaths === 1 && state === "serving") return;
    if (performance.now() > deadline) throw new Error("the worker was not replaced");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function unhealthyInMetrics({ addresses: { status } }: RunningGateway): Promise<number> {
  const families = parseExposition((await read(`${status}/metrics`)).text);
  const [target = ""] = addresses();
  const labels = { upstream: "api.internal", target, address: target, state: "unhealthy", subsystem: "http" };
  return sumOf(families, "kong_upstream_target_health", labels);
}

describe("a target that is marked", () => {
  it.each([[[]], [["--workers", "2"]]])("is out for all clients, and in again, with %j", async (args) => {
    const gateway = await start(...args);
    expect([await healths(gateway), await answering(gateway)]).toEqual([
      ["HEALTHCHECKS_OFF", "HEALTHCHECKS_OFF"],
      "a b",
    ]);
    expect(await mark(gateway, "unhealthy")).toBe(204);
    expect([await healths(gateway), await answering(gateway), await unhealthyInMetrics(gateway)]).toEqual([
      ["UNHEALTHY", "HEALTHCHECKS_OFF"],
      "b",
      1,
    ]);
    if (args.length > 0) {
      await replaceWorker(gateway);
      expect(await answering(gateway)).toBe("b");
    }
    expect(await mark(gateway, "healthy")).toBe(204);
    expect([await answering(gateway), await unhealthyInMetrics(gateway)]).toEqual(["a b", 0]);
  });

  it("is out at all gateways on the database within a second, with all their workers, and in again", async () => {
    const database = ["--database", `sqlite:${join(workplace.folder, "shared.db")}`];
    const withWorkers = ["--workers", "2", "--prefix", `${workplace.prefix}-2`];
    const [one, other] = await Promise.all([
      workplace.startAs(database),
      workplace.startAs([...database, ...withWorkers]),
    ]);
    await configure(one);
    const soonAnswers = async (gateway: RunningGateway, wanted: string) => {
      const began = performance.now();
      while ((await answering(gateway)) !== wanted && performance.now() - began < 10_000)
        await new Promise((resolve) => setTimeout(resolve, 20));
      expect(performance.now() - began).toBeLessThan(9_000); // a second, on a machine that has other things to do
    };
    await soonAnswers(other, "a b");
    for (const [told, hears, health, wanted] of [
      [one, other, "unhealthy", "b"],
      [one, other, "healthy", "a b"],
      [other, one, "unhealthy", "b"],
    ] as const) {
      expect(await mark(told, health)).toBe(204);
      await soonAnswers(hears, wanted);
    }
    const ask = adminClient(one.addresses.admin);
    expect(other.stderr()).toContain(`"gateway":"${(await ask("GET /")).body.node_id}"`);
    expect((await ask("GET /audit")).body.data).toHaveLength(5);
  });
});
