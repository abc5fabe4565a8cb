/** A collector that is away, slow or unwilling costs spans, and no request anything. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { type Stack, startStack, until } from "../support/gateway.ts";
import { type ConfigObject, proxyConfig } from "../support/gateway-config.ts";
import { startDeafUpstream, startUpstream, type Upstream } from "../support/http-upstream.ts";
import { startTraceCollector, type TraceCollector } from "../support/trace-collector.ts";
import { withTracing } from "../support/traced.ts";

let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream((_request, response) => response.end("fine"));
});
afterAll(() => upstream.close());

let stack: Stack | undefined;
let collector: TraceCollector | undefined;
let deaf: Upstream | undefined;
afterEach(async () => {
  await stack?.close();
  await collector?.close();
  await deaf?.close();
  stack = undefined;
  collector = undefined;
  deaf = undefined;
});

async function start(endpoint: string, settings: ConfigObject = {}): Promise<Stack> {
  stack = await startStack({ config: withTracing(proxyConfig({ url: upstream.url }), endpoint, settings) });
  return stack;
}

/** So many requests, twenty at a time; the statuses they got. */
async function ask({ send }: Stack, count: number): Promise<ReadonlySet<number>> {
  const statuses = new Set<number>();
  let left = count;
  const client = async () => {
    while (left-- > 0) statuses.add((await send({ path: "/api", method: "GET" })).status);
  };
  await Promise.all(Array.from({ length: 20 }, client));
  return statuses;
}

const warnings = ({ log }: Stack) => log.filter(({ level }) => level === "warn" || level === "error");
const health = ({ gateway }: Stack) => gateway.health()[0];

describe("500 requests", () => {
  const few = { max_entries: 100, max_batch_size: 20, max_retry_time: 0.2 };

  it("are answered while the collector is not there; one line says so, and spans are counted", async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}/v1/traces?token=hidden`;
    const gateway = await start(endpoint, { queue: few });
    expect(await ask(gateway, 500)).toEqual(new Set([200]));
    await until(() => health(gateway)?.dropped === 1000, "all spans are given up");
    expect(warnings(gateway).map(({ message }) => message)).toEqual([
      "the trace collector is away; spans wait for it, as many as max_entries says, and are then given up",
    ]);
    expect(health(gateway)).toMatchObject({ component: "trace_collector", state: "down", writes: 0 });
    expect(JSON.stringify([gateway.log, gateway.gateway.health()])).not.toContain("hidden");
    await gateway.close();
    expect(warnings(gateway).at(-1)).toMatchObject({
      message: "spans were given up",
      facts: { spans: 1000 },
    });
  });

  it("are answered while it does not answer, and a stop does not wait for it", async () => {
    deaf = await startDeafUpstream();
    const gateway = await start(`${deaf.url}/v1/traces`, { queue: { ...few, max_retry_time: 60 } });
    expect(await ask(gateway, 500)).toEqual(new Set([200]));
    // All that wait are there still, those before them have not gone either.
    expect(health(gateway)?.dropped).toBe(900);
    const begunAt = performance.now();
    await gateway.close();
    expect(performance.now() - begunAt).toBeLessThan(20_000); // it would be tried for 60 s
    expect(warnings(gateway).at(-1)?.facts["spans"]).toBe(1000);
  });

  it.each([
    ["503", 503, "down"],
    ["400", 400, "down"],
  ])("are answered while it says %s", async (_name, status, state) => {
    collector = await startTraceCollector((response) => response.writeHead(status).end());
    const gateway = await start(collector.url, { queue: few });
    expect(await ask(gateway, 500)).toEqual(new Set([200]));
    await until(() => health(gateway)?.dropped === 1000, "all spans are given up");
    expect(health(gateway)?.state).toBe(state);
    expect(warnings(gateway)).toHaveLength(1);
  });
});

describe("spans", () => {
  it("wait for a collector that comes back", async () => {
    collector = await startTraceCollector((response, count) =>
      response.writeHead(count < 4 ? 503 : 200).end(),
    );
    const gateway = await start(collector.url, { queue: { initial_retry_delay: 0.005 } });
    await ask(gateway, 10);
    await until(() => collector?.spans.length === 20, "all spans have come");
    expect(health(gateway)).toMatchObject({ state: "up", dropped: 0, failures: 3 });
    expect(gateway.log.map(({ message }) => message)).toContain("the trace collector answers again");
  });

  it("are sent together, with the headers of the config, before a gateway stops", async () => {
    collector = await startTraceCollector();
    const gateway = await start(collector.url, {
      headers: { "X-Token": "abc" },
      resource_attributes: { "service.name": "edge", "deployment.environment.name": "test" },
      queue: { max_coalescing_delay: 3600 },
    });
    await ask(gateway, 10);
    await until(() => gateway.records.length === 10, "the exchanges are over");
    expect(collector.spans).toEqual([]);
    await gateway.close();
    expect(collector.batches).toHaveLength(1);
    expect(collector.batches[0]?.headers).toMatchObject({
      "x-token": "abc",
      "content-type": "application/x-protobuf",
    });
    expect(collector.spans).toHaveLength(20);
    expect(collector.spans[0]?.resource).toMatchObject({
      "service.name": "edge",
      "deployment.environment.name": "test",
    });
  });

  it("are sent when so many wait", async () => {
    collector = await startTraceCollector();
    const gateway = await start(collector.url, { queue: { max_coalescing_delay: 3600, max_batch_size: 6 } });
    await ask(gateway, 9);
    await until(() => collector?.spans.length === 18, "three batches have come");
    expect(collector.batches.map(({ spans }) => spans.length)).toEqual([6, 6, 6]);
  });

  it("wait as whole traces, one at least", async () => {
    collector = await startTraceCollector();
    const queue = { max_entries: 1, max_batch_size: 1, max_coalescing_delay: 3600 };
    const gateway = await start(collector.url, { queue });
    await ask(gateway, 1);
    await until(() => collector?.spans.length === 2, "both spans of the trace");
    await ask(gateway, 1);
    await until(() => collector?.spans.length === 4, "those of the next");
    expect(health(gateway)?.dropped).toBe(0);
  });

  it("are not lost by a reload", async () => {
    collector = await startTraceCollector();
    const { url } = collector;
    const gateway = await start(url, { queue: { max_coalescing_delay: 3600 } });
    await ask(gateway, 5);
    await gateway.reload(withTracing(proxyConfig({ url: upstream.url }), url, { sampling_rate: 0 }));
    await until(() => collector?.spans.length === 10, "the old plugin has sent them");
    await ask(gateway, 5);
    await gateway.close();
    expect(collector.spans).toHaveLength(10);
  });
});
