/** The admin API of a gateway that was started as a user would. Real processes. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { type AdminClient, adminClient } from "../support/admin-client.ts";
import { ask, hello, read } from "../support/ask.ts";
import { runHere } from "../support/command-line.ts";
import { until } from "../support/gateway.ts";
import {
  type ConfigObject,
  chatConfig,
  chatUrl,
  openaiTarget,
  semanticBlocks,
  targetKey,
} from "../support/gateway-config.ts";
import type { RunningGateway, Workplace } from "../support/sluice-process.ts";
import { openStream } from "../support/stream-client.ts";
import { type ProcessParts, useProcesses, useSharedProcesses } from "../support/use-processes.ts";

let simulator: Simulator;
let workplace: Workplace;
const take = (parts: ProcessParts) => {
  ({ simulator, workplace } = parts);
};

/** For what another process does, which looks for changes twice a second. */
const patient = { timeout: 10_000, interval: 50 };

const token = "a-token-of-the-tests-0123456789";

/** What a user types to have a chat, one after the other. */
async function configureChat(admin: AdminClient, config: ConfigObject = {}): Promise<string> {
  const steps = [
    await admin("POST /services", { name: "llm", url: "http://localhost" }),
    await admin("POST /services/llm/routes", { name: "chat", paths: ["/chat"] }),
    await admin("POST /routes/chat/plugins", {
      name: "ai-proxy-advanced",
      config: { targets: [openaiTarget(chatUrl(simulator.url))], ...config },
    }),
  ];
  expect(steps.map(({ body, status }) => [status, body.message])).toEqual(
    [201, 201, 201].map((status) => [status, undefined]),
  );
  return String(steps[2]?.body.id);
}

/** Takes away what `configureChat` has made. */
async function forget(admin: AdminClient): Promise<void> {
  const answers = [await admin("DELETE /routes/chat"), await admin("DELETE /services/llm")];
  expect(answers.map(({ status }) => status)).toEqual([204, 204]);
}

describe("a gateway without a file", () => {
  let gateway: RunningGateway;
  let admin: AdminClient;
  useSharedProcesses(take, async () => {
    gateway = await workplace.startAs([]);
    admin = adminClient(gateway.addresses.admin);
  });
  afterEach(() => forget(admin));

  it("serves what the admin API is told, at once", async () => {
    const { addresses, stderr } = gateway;
    expect((await ask(addresses.proxy)).status).toBe(404);
    const plugin = await configureChat(admin);
    expect(await ask(addresses.proxy)).toMatchObject({ status: 200, model: "openai/gpt-4o" });
    const targets = [openaiTarget(chatUrl(simulator.url), { model: "gpt-4o-mini" })];
    expect((await admin(`PATCH /plugins/${plugin}`, { config: { targets } })).status).toBe(200);
    expect((await ask(addresses.proxy)).model).toBe("openai/gpt-4o-mini");
    expect((await admin("DELETE /routes/chat")).status).toBe(204);
    expect((await ask(addresses.proxy)).status).toBe(404);
    expect((await admin(`GET /plugins/${plugin}`)).status).toBe(404);
    expect((await admin("POST /services/llm/routes", { name: "chat", paths: ["/chat"] })).status).toBe(201);
    expect(stderr()).not.toContain('"level":"error"');
  });

  it("refuses what cannot be served, and serves on", async () => {
    const { addresses } = gateway;
    const plugin = await configureChat(admin);
    const wrong = { config: { targets: [{ ...openaiTarget(chatUrl(simulator.url)), wieght: 1 }] } };
    const { body, status } = await admin(`PATCH /plugins/${plugin}`, wrong);
    expect([status, body.code]).toEqual([400, 2]);
    expect(body.fields.config.targets[0].wieght).toContain("did you mean `weight`");
    expect((await ask(addresses.proxy)).status).toBe(200);
  });

  it("shows no secret, and keeps the one whose cover is sent back", async () => {
    const { addresses, stderr } = gateway;
    const plugin = await configureChat(admin);
    const shown = (await admin(`GET /plugins/${plugin}`)).body;
    const cover = shown.config.targets[0].auth.header_value;
    expect(cover).toMatch(/^\*{6} \(sluice:/);
    expect((await admin(`PUT /plugins/${plugin}`, shown)).body).toEqual(shown);
    await admin(`PATCH /plugins/${plugin}`, {
      config: { targets: [{ ...shown.config.targets[0], weight: 7 }] },
    });
    await ask(addresses.proxy);
    expect(simulator.received().at(-1)?.headers["authorization"]).toBe(`Bearer ${targetKey}`);
    for (const line of ["GET /plugins", "GET /config", "GET /audit"])
      expect(JSON.stringify((await admin(line)).body), line).not.toContain(targetKey);
    expect(stderr()).not.toContain(targetKey);
    const plain = await admin(`GET /plugins/${plugin}`, undefined, { "sluice-secrets": "plain" });
    expect(plain.body.config.targets[0].auth.header_value).toBe(`Bearer ${targetKey}`);
  });
});

describe("gateways without a file", () => {
  useProcesses(take);

  it("has everything again after a restart", async () => {
    const first = await workplace.startAs([]);
    const admin = adminClient(first.addresses.admin);
    await configureChat(admin);
    await admin("PUT /consumers/ada", {});
    await admin("PUT /consumer_groups/team", {});
    await admin("POST /consumer_groups/team/consumers", { consumer: "ada" });
    const shown = async (client: AdminClient) =>
      (await client("GET /config", undefined, { "sluice-secrets": "plain" })).body;
    const [content, { configuration_hash: hash }] = [await shown(admin), (await admin("GET /status")).body];
    first.signal("SIGTERM");
    expect((await first.finished).code).toBe(0);

    const second = await workplace.startAs([]);
    expect((await ask(second.addresses.proxy)).status).toBe(200);
    const client = adminClient(second.addresses.admin);
    expect(await shown(client)).toEqual(content);
    expect((await client("GET /status")).body.configuration_hash).toBe(hash);
    const { data } = (await client("GET /audit")).body;
    expect(data[0]).toMatchObject({ version: 6, source: "POST /consumer_groups/team/consumers" });
  });

  it.each([["alone"], ["with workers", "--workers", "2"]])(
    "shares what it has with others on the same database; one, %s, that cannot serve it serves on, and says so",
    async (_how, ...args) => {
      const shared = `sqlite:${join(workplace.folder, "shared.db")}`;
      const beside = (prefix: string) => ["--database", shared, "--prefix", join(workplace.folder, prefix)];
      const one = await workplace.startAs(beside("one"), { ONLY_HERE: "a-key-for-tests" });
      const other = await workplace.startAs([...beside("other"), ...args]);
      const [admin, otherAdmin] = [adminClient(one.addresses.admin), adminClient(other.addresses.admin)];
      const plugin = await configureChat(admin);
      const isServed = async () => (await ask(other.addresses.proxy)).status;
      await expect.poll(isServed, patient).toBe(200);
      const [ours, theirs] = [await admin("GET /status"), await otherAdmin("GET /status")];
      expect(theirs.body.configuration_hash).toBe(ours.body.configuration_hash);

      const [target] = [openaiTarget(chatUrl(simulator.url))];
      const secret = { header_name: "Authorization", header_value: "{vault://env/only-here}" };
      const targets = [{ ...target, auth: secret }];
      expect((await admin(`PATCH /plugins/${plugin}`, { config: { targets } })).status).toBe(200);
      const ready = async () => JSON.parse((await read(`${other.addresses.status}/status/ready`)).text);
      await expect.poll(ready, patient).toMatchObject({
        message: "degraded",
        degraded: [{ component: "configuration", reason: expect.stringContaining("ONLY_HERE") }],
      });
      expect((await otherAdmin("GET /status")).body.configuration_fault).toContain("ONLY_HERE");
      expect(await isServed()).toBe(200);
      expect((await read(`${one.addresses.status}/status/ready`)).text).toBe('{"message":"ready"}');

      expect((await admin(`PATCH /plugins/${plugin}`, { config: { targets: [target] } })).status).toBe(200);
      await expect.poll(ready, patient).toEqual({ message: "ready" });
    },
  );

  it("and with workers has all of them serve a change", async () => {
    const { addresses } = await workplace.startAs(["--workers", "2"]);
    const admin = adminClient(addresses.admin);
    const plugin = await configureChat(admin);
    const running = async () =>
      (await admin("GET /status")).body.workers.map((worker: { running: number }) => worker.running);
    simulator.behave({ behaviour: { stallAfterChunks: 1 } });
    for (const model of ["gpt-4o-mini", "gpt-4o"]) {
      const targets = [openaiTarget(chatUrl(simulator.url), { model })];
      expect((await admin(`PATCH /plugins/${plugin}`, { config: { targets } })).status).toBe(200);
      const answers = await Promise.all(
        Array.from({ length: 4 }, () => openStream(`${addresses.proxy}/chat`, { ...hello, stream: true })),
      );
      await expect.poll(running, patient).toEqual([2, 2]);
      expect(answers.map(({ headers }) => headers["x-kong-llm-model"])).toEqual(
        Array(4).fill(`openai/${model}`),
      );
      for (const answer of answers) answer.leave();
      await expect.poll(running, patient).toEqual([0, 0]);
    }
    simulator.reset();
    const { status } = await admin("POST /routes", { paths: ["~/("] });
    expect(status).toBe(400);
    expect((await ask(addresses.proxy)).status).toBe(200);
  });
});

describe("a gateway with a file", () => {
  let gateway: RunningGateway;
  useSharedProcesses(take, async () => {
    gateway = await workplace.start(["--watch"]);
  });

  it("shows what the file has, and says where it is changed", async () => {
    const admin = adminClient(gateway.addresses.admin);
    expect((await admin("GET /services/llm/routes")).body.data).toMatchObject([
      { name: "chat", paths: ["/chat"] },
    ]);
    const { body, status } = await admin("POST /services", { host: "a" });
    expect([status, body.message]).toEqual([
      405,
      "cannot create, change or delete entities when not using a database: change the file, or POST /config",
    ]);
  });

  it("takes another that is posted, until it is told to read its own again", async () => {
    const { addresses } = gateway;
    const admin = adminClient(addresses.admin);
    const other = JSON.stringify(
      chatConfig([openaiTarget(chatUrl(simulator.url), { model: "gpt-4o-mini" })]),
    );
    expect((await admin("POST /config", other)).status).toBe(201);
    expect((await ask(addresses.proxy)).model).toBe("openai/gpt-4o-mini");
    expect((await admin("POST /config", "services: [{}]")).body.code).toBe(14);
    expect((await ask(addresses.proxy)).model).toBe("openai/gpt-4o-mini");
    expect((await runHere(["reload", "--prefix", workplace.prefix])).code).toBe(0);
    expect((await ask(addresses.proxy)).model).toBe("openai/gpt-4o");
  });

  it("that is watched takes it when it has changed; a bad one changes nothing", async () => {
    const { addresses, stderr } = gateway;
    const before = stderr().length;
    const said = (words: string) => stderr().slice(before).includes(words);
    const modelIs = async (model: string) => (await ask(addresses.proxy)).model === `openai/${model}`;
    workplace.write(chatConfig([openaiTarget(chatUrl(simulator.url), { model: "gpt-4o-mini" })]));
    await until(() => said("reloaded, 1 routes"), "the file");
    expect(await modelIs("gpt-4o-mini")).toBe(true);
    writeFileSync(workplace.config, "services: [");
    await until(() => said("reload refused"), "the bad file");
    expect(await modelIs("gpt-4o-mini")).toBe(true);
    expect((await adminClient(addresses.admin)("GET /services/llm")).status).toBe(200);
  });
});

describe("a gateway that keeps nothing", () => {
  useProcesses(take);

  it("is not ready before it is told what to serve, and has forgotten it after a restart", async () => {
    const first = await workplace.startAs(["--db-less"]);
    const ready = async ({ addresses }: typeof first) =>
      (await read(`${addresses.status}/status/ready`)).status;
    expect([await ready(first), (await ask(first.addresses.proxy)).status]).toEqual([503, 404]);
    const admin = adminClient(first.addresses.admin);
    expect((await admin("POST /services", { host: "a" })).status).toBe(405);
    const config = JSON.stringify(chatConfig([openaiTarget(chatUrl(simulator.url))]));
    expect((await admin("POST /config", config)).status).toBe(201);
    expect([await ready(first), (await ask(first.addresses.proxy)).status]).toEqual([200, 200]);
    const reloaded = await runHere(["reload", "--prefix", workplace.prefix]);
    expect([reloaded.code, reloaded.stderr]).toEqual([
      1,
      expect.stringContaining("there is no file to read again"),
    ]);
    expect((await ask(first.addresses.proxy)).status).toBe(200);
    first.signal("SIGTERM");
    await first.finished;
    expect(await ready(await workplace.startAs(["--db-less"]))).toBe(503);
  });
});

describe("the token of an admin API", () => {
  useProcesses(take);

  it("is wanted where others can reach it: without one nothing starts", async () => {
    const refusal =
      /is not a loopback address, so others could change everything: set a token .*SLUICE_ADMIN_TOKEN/;
    await expect(workplace.startAs(["--admin-listen", "0.0.0.0:0"])).rejects.toThrow(refusal);
    for (const host of ["[::]", "192.0.2.1"]) {
      const line = ["start", "--prefix", workplace.prefix, "--admin-listen", `${host}:0`];
      expect(await runHere(line)).toEqual({ code: 2, stdout: "", stderr: expect.stringMatching(refusal) });
    }
  });

  it("is wanted for every request, and sent by the commands that ask", async () => {
    workplace.write(
      chatConfig(
        [
          openaiTarget(chatUrl(simulator.url), { description: "Specialist in python" }),
          openaiTarget(chatUrl(simulator.url), { description: "CATCHALL", model: "gpt-4o-mini" }),
        ],
        semanticBlocks({}),
      ),
    );
    const env = { SLUICE_ADMIN_TOKEN: token };
    const { addresses, stderr, stdout } = await workplace.start(["--admin-listen", "0.0.0.0:0"], env);
    const base = addresses.admin?.replace("0.0.0.0", "127.0.0.1");
    for (const headers of [{}, { "kong-admin-token": `${token}x` }, { authorization: "Bearer x" }])
      expect((await adminClient(base, headers as Record<string, string>)("GET /services")).status).toBe(401);
    for (const headers of [{ "kong-admin-token": token }, { authorization: `Bearer ${token}` }])
      expect((await adminClient(base, headers as Record<string, string>)("GET /services")).status).toBe(200);

    const run = (line: readonly string[], given: Readonly<Record<string, string>>) =>
      runHere([...line, "--prefix", workplace.prefix], given);
    for (const line of [["reload"], ["explain", "What is a Python list?"]]) {
      expect((await run(line, env)).code, line[0]).toBe(0);
      const [without, wrong] = [await run(line, {}), await run(line, { SLUICE_ADMIN_TOKEN: `${token}x` })];
      expect([without.code, wrong.code]).toEqual([1, 1]);
      expect(without.stderr).toMatch(/wants a token: set SLUICE_ADMIN_TOKEN/);
      expect(wrong.stderr).toMatch(/has another token than was given here: set SLUICE_ADMIN_TOKEN/);
    }
    expect(`${stdout()}${stderr()}`).not.toContain(token);
  });
});
