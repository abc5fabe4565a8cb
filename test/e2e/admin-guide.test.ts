/** The guide of the admin API, run as written. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { adminClient } from "../support/admin-client.ts";
import { read } from "../support/ask.ts";
import { type GuideStep, guideSteps, outputPattern, startFlags } from "../support/guide.ts";
import { exportedVariables } from "../support/readme.ts";
import { describeWithServer, startServer } from "../support/servers.ts";
import type { RunningGateway, Workplace } from "../support/sluice-process.ts";
import { useProcesses } from "../support/use-processes.ts";

let simulator: Simulator;
let workplace: Workplace;
useProcesses((parts) => {
  ({ simulator, workplace } = parts);
});

const guide = readFileSync(new URL("../../docs/guide/admin-api.md", import.meta.url), "utf8");
const env = exportedVariables(guide);

/** Starts what the block starts, on free ports. */
function start(flags: readonly string[], isWithToken: boolean): Promise<RunningGateway> {
  const own = flags.filter(
    (flag, index) => flag !== "--admin-listen" && flags[index - 1] !== "--admin-listen",
  );
  return workplace.startAs(own, isWithToken ? env : {});
}

async function run(gateway: RunningGateway, { commands, output }: GuideStep): Promise<void> {
  const { admin = "", proxy } = gateway.addresses;
  const text = commands
    .replaceAll("localhost:8001", admin.replace("http://", ""))
    .replaceAll("localhost:8000", proxy.replace("http://", ""))
    .replaceAll("http://localhost:8090", simulator.url);
  const options = { cwd: workplace.folder, env: { PATH: process.env["PATH"], ...env } };
  // Each command's output is to be a line of its own.
  const lines = text.replaceAll(/^curl /gm, "echo; curl ");
  const { stdout } = await promisify(execFile)("bash", ["-euo", "pipefail", "-c", lines], options);
  const printed = stdout.split("\n").filter((line) => line !== "");
  if (output === undefined) {
    for (const line of printed) expect(Object.keys(JSON.parse(line))).not.toContain("code");
    expect(printed).not.toEqual([]);
  } else expect(printed.join("\n")).toMatch(outputPattern(output));
}

describe("the guide of the admin API", () => {
  it("holds, from its first command to its last", { timeout: 120_000 }, async () => {
    const steps = guideSteps(guide).filter(({ commands }) => !commands.includes("postgres://"));
    expect(steps.length).toBeGreaterThan(10);
    let gateway: RunningGateway | undefined;
    let ran = 0;
    for (const step of steps) {
      const flags = startFlags(step.commands);
      if (flags !== undefined) {
        gateway?.signal("SIGTERM");
        await gateway?.finished;
        gateway = await start(flags, step.commands.includes("SLUICE_ADMIN_TOKEN"));
      } else if (gateway !== undefined) {
        await run(gateway, step);
        ran += 1;
      }
    }
    expect(ran).toBeGreaterThan(8);
    expect(simulator.received()).toHaveLength(1);
  });

  it("has nobody ask a gateway without its token", async () => {
    await expect(workplace.startAs(["--admin-listen", "0.0.0.0:0"])).rejects.toThrow("SLUICE_ADMIN_TOKEN");
  });
});

describeWithServer("postgres", "several gateways on one database", () => {
  it("have the same entities within a second, and the same targets marked by hand", async () => {
    const server = await startServer("postgres", { password: "of-the-database" });
    const flags = ["--database", `postgres://postgres@127.0.0.1:${server.port}/kong-pgvector`];
    const secrets = { SLUICE_DATABASE_PASSWORD: "of-the-database", SLUICE_LEDGER: "off" };
    const one = await workplace.startAs(flags, secrets);
    const other = await workplace.startAs([...flags, "--prefix", `${workplace.prefix}-2`], secrets);
    const hashOf = async ({ addresses }: RunningGateway) =>
      JSON.parse((await read(`${addresses.admin}/status`)).text).configuration_hash;
    const empty = await hashOf(other);
    const [atOne, atOther] = [adminClient(one.addresses.admin), adminClient(other.addresses.admin)];
    /** Waits for what is to be there within a second, on a machine that has other things to do. */
    const soon = async (isThere: () => Promise<boolean>) => {
      const began = performance.now();
      while (!(await isThere()) && performance.now() - began < 10_000)
        await new Promise((resolve) => setTimeout(resolve, 20));
      expect(performance.now() - began).toBeLessThan(9_000);
    };
    await atOne("POST /upstreams", { name: "api.internal" });
    await atOne("POST /upstreams/api.internal/targets", { target: "127.0.0.1:1" });
    await atOne("POST /services", { name: "shared", host: "api.internal" });
    await atOne("POST /services/shared/routes", { paths: ["/api"] });
    await soon(async () => (await hashOf(other)) === (await hashOf(one)));
    expect(await hashOf(one)).not.toBe(empty);
    const target = "/upstreams/api.internal/targets/127.0.0.1:1";
    expect((await atOther(`PUT ${target}/unhealthy`)).status).toBe(204);
    const health = async () => (await atOne("GET /upstreams/api.internal/health")).body.data[0].health;
    await soon(async () => (await health()) === "UNHEALTHY");
    await server.stop();
  });
});
