/** `sluice report` on what a real gateway has entered. Real processes. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { ask, hello, read } from "../support/ask.ts";
import { runHere } from "../support/command-line.ts";
import { type ConfigObject, chatConfig, chatUrl, openaiTarget } from "../support/gateway-config.ts";
import { describeWithServer, startServer } from "../support/servers.ts";
import { type Command, runCommandLine, type Workplace } from "../support/sluice-process.ts";
import { type ProcessParts, useProcesses, useSharedProcesses } from "../support/use-processes.ts";

let command: Command;
let simulator: Simulator;
let workplace: Workplace;
const take = (parts: ProcessParts) => {
  ({ command, simulator, workplace } = parts);
};

const reportLine = (...args: string[]) => ["report", "--prefix", workplace.prefix, ...args];
const report = (...args: string[]) => runHere(reportLine(...args));

const priced = (more: ConfigObject = {}): ConfigObject =>
  chatConfig(
    [
      openaiTarget(chatUrl(simulator.url), { model: "small", options: { input_cost: 1, output_cost: 2 } }),
      openaiTarget(chatUrl(simulator.url), { model: "large", options: { input_cost: 10, output_cost: 20 } }),
    ],
    more,
  );

describe("a report", () => {
  const requests = 40;
  useSharedProcesses(take, async () => {
    workplace.write(priced());
    const gateway = await workplace.start(["--workers", "2"]);
    const answers = await Promise.all(Array.from({ length: requests }, () => ask(gateway.addresses.proxy)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    gateway.signal("SIGTERM");
    expect((await gateway.finished).code).toBe(0);
  });

  it("has every exchange of all workers, the last ones before SIGTERM too", async () => {
    const { code, stdout, stderr } = await runCommandLine(command, reportLine("--json"));
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const { total, by } = JSON.parse(stdout);
    expect(total).toMatchObject({
      exchanges: requests,
      attempts: requests,
      unknown: 0,
      estimated: 0,
      routingUsd: 0,
    });
    expect(Object.keys(by)).toEqual(["target", "consumer", "route", "day"]);
    const names = by.target.map(({ name }: { name: string }) => name).sort();
    expect(names).toEqual(["openai/large", "openai/small"]);
    expect(by.route).toMatchObject([{ name: "chat", exchanges: requests }]);
    const { strongest, cheapest } = total.baselines;
    expect(strongest.costUsd).toBeCloseTo(10 * cheapest.costUsd, 9);
    expect(strongest.savedUsd).toBeCloseTo(strongest.costUsd - total.costUsd, 9);
  });

  it("says it in words, of a stretch of time and by what is asked for", async () => {
    const { stdout } = await report("--since", "1h", "--by", "model");
    expect(stdout).toMatch(/^since 20\S+Z, from sqlite at .*ledger\.db$/m);
    expect(stdout).toMatch(new RegExp(`^exchanges +${requests}$`, "m"));
    expect(stdout).toMatch(/^always the strongest +0\.\d+ +-?0\.\d+ +-?\d+\.\d %$/m);
    expect(stdout).toMatch(/^by model$/m);
    expect(stdout).not.toMatch(/^by target$/m);
    const earlier = await report("--since", "2020-01-01", "--until", "2020-02-01");
    expect(earlier.stdout).toContain("no exchange with a model was entered in that time");
  });

  it("gives the entries themselves, as CSV and as JSON lines", async () => {
    const csv = await report("--export", "csv");
    const lines = csv.stdout.trimEnd().split(/\r?\n/);
    expect(lines).toHaveLength(requests + 1);
    expect(lines[0]).toMatch(/^id,time,route,/);
    const entries = (await report("--export", "jsonl")).stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(entries).toHaveLength(requests);
    expect(entries[0]).toMatchObject({
      route: "chat",
      outcome: "ok",
      attempts: [{ target: expect.stringMatching(/^openai\//) }],
    });
    expect(JSON.stringify(entries)).not.toContain(hello.messages[0]?.content);
  });
});

describe("a report of a gateway of its own", () => {
  useProcesses(take);

  it("measures what routing saves, where a share is held out", async () => {
    simulator.behave({ behaviour: { content: "Hello yourself" } });
    const pinned = { savings: { holdout: 0.5 }, balancer: { algorithm: "priority" } };
    const targets =
      (priced(pinned)["plugins"] as { config: { targets: ConfigObject[] } }[])[0]?.config.targets ?? [];
    const [small, large] = targets;
    workplace.write(
      chatConfig(
        [
          { ...small, weight: 2 },
          { ...large, weight: 1 },
        ],
        pinned,
      ),
    );
    const gateway = await workplace.start();
    for (let count = 0; count < 40; count++) await ask(gateway.addresses.proxy);
    gateway.signal("SIGTERM");
    await gateway.finished;
    const { measured } = JSON.parse((await report("--json")).stdout);
    expect(measured.holdout.exchanges + measured.routed.exchanges).toBe(40);
    // The same prompt and answer each time, ten times as dear at the baseline.
    expect(measured.savedShare.value).toBeCloseTo(0.9, 6);
    const { stdout } = await report();
    expect(stdout).toMatch(/^saved 0\.\d+ an exchange \(95 %: .* to .*\), 90\.0 % \(90\.0 % to 90\.0 %\)$/m);
  });

  it("says what is wrong with what was asked", async () => {
    const missing = await report();
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(
      /there is no ledger at .*ledger\.db: start the gateway first, or say with --ledger/,
    );
    expect(existsSync(join(workplace.prefix, "ledger.db"))).toBe(false);
    for (const [args, words] of [
      [["--since", "yesterday"], /--since "yesterday" is no time: write 30m, 24h, 7d/],
      [["--since", "1h", "--until", "2h"], /--since must be before --until/],
    ] as const) {
      const { code, stderr } = await report(...args);
      expect(code).toBe(2);
      expect(stderr).toMatch(words);
    }
    const off = await report("--ledger", "off");
    expect(off.code).toBe(2);
    expect(off.stderr).toContain("the ledger is off");
  });
});

describe("a gateway whose ledger", () => {
  useProcesses(take);

  it("is off enters nothing and serves", async () => {
    const { addresses } = await workplace.start(["--ledger", "off"]);
    expect((await ask(addresses.proxy)).status).toBe(200);
    const { components } = JSON.parse((await read(`${addresses.status}/status`)).text);
    expect(components).toEqual([]);
    expect(existsSync(join(workplace.prefix, "ledger.db"))).toBe(false);
  });

  it("cannot be written serves all the same, and says so", async () => {
    const { addresses, stderr } = await workplace.start(["--ledger", "sqlite:/proc/nowhere/ledger.db"]);
    expect((await ask(addresses.proxy)).status).toBe(200);
    await expect
      .poll(async () => (await read(`${addresses.status}/status/ready`)).text)
      .toContain('"component":"ledger"');
    expect(stderr()).toContain("the ledger's store is away");
    expect(stderr()).toContain("ENOENT"); // what ails it, not that nothing was heard
  });
});

describeWithServer(
  "postgres",
  "a ledger in PostgreSQL",
  () => {
    useProcesses(take);

    it("is shared by gateways, and its password is shown to nobody", async () => {
      const server = await startServer("postgres", { password: "s3cret-of-pg" });
      try {
        workplace.write(priced());
        const ledger = ["--ledger", `postgres://postgres@127.0.0.1:${server.port}/kong-pgvector`];
        const env = { SLUICE_LEDGER_PASSWORD: "s3cret-of-pg" };
        const gateways = await Promise.all([
          workplace.start(ledger, env),
          workplace.start([...ledger, "--prefix", `${workplace.prefix}-2`], env),
        ]);
        for (const { addresses } of gateways) await ask(addresses.proxy);
        const status = await read(`${gateways[0]?.addresses.status}/status`);
        for (const gateway of gateways) gateway.signal("SIGTERM");
        const ends = await Promise.all(gateways.map(({ finished }) => finished));
        const { stdout } = await runHere(["report", ...ledger], env);
        expect(stdout).toMatch(/^exchanges +2$/m);
        const said = [status.text, stdout, ...ends.flatMap((end) => [end.stdout, end.stderr])].join("\n");
        expect(said).not.toContain("s3cret-of-pg");
      } finally {
        await server.stop();
      }
    }, 60_000);
  },
  { owned: true },
);
