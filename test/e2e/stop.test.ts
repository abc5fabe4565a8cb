/** How a gateway process stops, with requests on their way. Real processes, real signals. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Agent, request } from "undici";
import { describe, expect, it } from "vitest";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { ask, hello, read } from "../support/ask.ts";
import { until } from "../support/gateway.ts";
import type { Workplace } from "../support/sluice-process.ts";
import { openStream } from "../support/stream-client.ts";
import { useProcesses } from "../support/use-processes.ts";

let simulator: Simulator;
let workplace: Workplace;
useProcesses((parts) => {
  ({ simulator, workplace } = parts);
});

describe("a gateway that is told to stop", () => {
  const stream = { ...hello, stream: true };

  it("lets a running stream end, takes no more, and ends with 0", async () => {
    simulator.behave({ behaviour: { outputTokens: 60, perTokenMs: 5 } });
    const { addresses, signal, finished, stderr } = await workplace.start();
    const answer = await openStream(`${addresses.proxy}/chat`, stream);
    await answer.next();
    signal("SIGTERM");
    await until(() => stderr().includes('"stopping"') === true, "the signal is heard");
    await expect(ask(addresses.proxy)).rejects.toThrow(/ECONNREFUSED/);
    expect(await read(`${addresses.status}/status/ready`)).toMatchObject({ status: 503 });
    const { text, complete } = await answer.rest();
    expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
    expect(complete).toBe(true);
    const { code, stdout } = await finished;
    expect(code).toBe(0);
    expect(stderr()).toContain('"stopped"');
    expect(stdout.trimEnd().split("\n")).toHaveLength(2);
    expect(existsSync(join(workplace.prefix, "sluice.json"))).toBe(false);
  });

  it("cuts what still runs at its deadline, so that the client can see it, and ends with 0", async () => {
    simulator.behave({ behaviour: { stallAfterChunks: 3 } });
    const { addresses, signal, finished } = await workplace.start(["--stop-timeout", "200"]);
    const answer = await openStream(`${addresses.proxy}/chat`, stream);
    await answer.next();
    const toldAt = performance.now();
    signal("SIGTERM");
    const { text, complete } = await answer.rest();
    expect(complete).toBe(false);
    expect(text).not.toContain("[DONE]");
    const { code, stdout } = await finished;
    expect(code).toBe(0);
    expect(performance.now() - toldAt).toBeGreaterThanOrEqual(195);
    expect(performance.now() - toldAt).toBeLessThan(10_000);
    await until(() => simulator.received().at(-1)?.aborted === true, "the vendor is told");
    const [, record = ""] = stdout.trimEnd().split("\n");
    expect(JSON.parse(record)).toMatchObject({
      client_aborted: true,
      ai: { proxy: { usage: { estimated: true } } },
    });
  });

  it("does not wait for clients that only keep their connections", async () => {
    const { addresses, signal, finished } = await workplace.start();
    const agent = new Agent({ keepAliveTimeout: 60_000 });
    const answer = await request(`${addresses.proxy}/chat`, {
      method: "POST",
      body: JSON.stringify(hello),
      dispatcher: agent,
    });
    await answer.body.dump();
    const toldAt = performance.now();
    signal("SIGINT");
    expect((await finished).code).toBe(0);
    expect(performance.now() - toldAt).toBeLessThan(10_000);
    await agent.destroy();
  });

  it("twice ends at once, with 1", async () => {
    simulator.behave({ behaviour: { hang: true } });
    const { addresses, signal, finished, stderr } = await workplace.start();
    const asking = ask(addresses.proxy);
    asking.catch(() => undefined);
    await until(() => simulator.received().length === 1, "the request is on its way");
    signal("SIGTERM");
    await until(() => stderr().includes('"stopping"') === true, "the signal is heard");
    signal("SIGTERM");
    expect((await finished).code).toBe(1);
    await expect(asking).rejects.toThrow();
  });
});

describe("a gateway whose output nobody reads any more", () => {
  it("goes on serving, and ends well", async () => {
    const { addresses, child, signal, finished } = await workplace.start();
    child.stdout?.destroy();
    for (let i = 0; i < 5; i++) expect((await ask(addresses.proxy)).status).toBe(200);
    signal("SIGTERM");
    const { code, stderr } = await finished;
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(code).toBe(0);
  });
});
