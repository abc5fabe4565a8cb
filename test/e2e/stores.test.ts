/** Vector stores as a gateway uses them: the same answers from all, no leftovers, and a plain word where one cannot serve. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, type Stack, startStack } from "../support/gateway.ts";
import {
  type ConfigObject,
  chatConfig,
  chatUrl,
  openaiTarget,
  remoteEmbeddings,
  routesConfig,
} from "../support/gateway-config.ts";
import { askRedis, describeWithServer, startServer, type TestServer } from "../support/servers.ts";
import { type StoreCase, storeCases, storePassword } from "../support/store-cases.ts";

const prompts = [
  "How do I write a Python function?",
  "How to implement a custom iterator class in Python",
  "How do I reset my corporate email password?",
  "My VPN keeps disconnecting; help me troubleshoot it?",
  "What's the weather like today?",
  "Write a short poem about the beauty of autumn.",
];

interface Settings {
  readonly vectordb: ConfigObject;
  readonly metric?: "cosine" | "euclidean";
  readonly python?: string;
}

function plugin(simulator: string, { vectordb, metric = "cosine", python }: Settings): ConfigObject {
  const url = chatUrl(simulator);
  return {
    targets: [
      openaiTarget(url, { model: "gpt-3.5-turbo", description: python ?? "Specialist in python" }),
      openaiTarget(url, { model: "gpt-4o", description: "Requests related to IT support" }),
      openaiTarget(url, { model: "gpt-4o-mini", description: "CATCHALL" }),
    ],
    embeddings: remoteEmbeddings(`${simulator}/v1/embeddings`),
    vectordb: { dimensions: 256, distance_metric: metric, threshold: 0.5, ...vectordb },
    balancer: { algorithm: "semantic" },
  };
}

const config = (settings: Settings) => (simulator: string) => {
  const { targets, ...rest } = plugin(simulator, settings);
  return chatConfig(targets as readonly ConfigObject[], rest); // made above
};

/** What was decided: model, reason, and the distance of every group. */
async function decisions(stack: Stack): Promise<readonly unknown[]> {
  const answers: Answer[] = [];
  for (const prompt of prompts) answers.push(await stack.ask(prompt));
  return Promise.all(
    answers.map(async (answer) => {
      const record = await answer.record();
      const { reason, groups } = record.ai?.proxy.routing ?? { reason: "none", groups: [] };
      const distances = groups.map(({ description, distance }) => `${description} ${distance.toFixed(4)}`);
      return { model: answer.headers["x-kong-llm-model"], reason, distances };
    }),
  );
}

async function decisionsWith(settings: Settings): Promise<readonly unknown[]> {
  const stack = await startStack({ config: config(settings) });
  try {
    return await decisions(stack);
  } finally {
    await stack.close();
  }
}

const errors = (stack: Stack) =>
  stack.log.filter(({ level }) => level === "warn" || level === "error").map(({ message }) => message);

describe.each(Object.values(storeCases))("$server as the store of a gateway", (storeCase: StoreCase) => {
  const { server: name, namespaces, vectordb } = storeCase;
  describeWithServer(name, name, () => {
    let server: TestServer;
    beforeAll(async () => {
      server = await startServer(name, { password: storePassword });
    });
    afterAll(() => server.stop());

    it.each(["cosine", "euclidean"] as const)("decides as memory does, %s", async (metric) => {
      const inMemory = await decisionsWith({ vectordb: { strategy: "memory" }, metric });
      expect(new Set(inMemory.map((decision) => JSON.stringify(decision))).size).toBe(prompts.length);
      const fresh = await decisionsWith({ vectordb: vectordb(server), metric });
      expect(fresh).toEqual(inMemory);
      const readBack = await decisionsWith({ vectordb: vectordb(server), metric });
      expect(readBack).toEqual(inMemory);
    });

    it("holds one version, whatever two nodes that start at once and twelve reloads do", async () => {
      const settings = { vectordb: vectordb(server) };
      const [one, two] = await Promise.all([
        startStack({ config: config(settings) }),
        startStack({ config: config(settings) }),
      ]);
      for (let edit = 0; edit < 12; edit++) {
        await one.reload(config({ ...settings, python: `Specialist in python, edition ${edit}` }));
        expect(await namespaces(server)).toHaveLength(1);
      }
      expect(await decisions(one)).toHaveLength(prompts.length);
      expect([...errors(one), ...errors(two)]).toEqual([]);
      await Promise.all([one.close(), two.close()]);
    });

    it("loses what a plugin that is removed had, and only that", async () => {
      const both = (simulator: string) =>
        routesConfig({
          first: plugin(simulator, { vectordb: vectordb(server) }),
          second: plugin(simulator, { vectordb: vectordb(server), python: "Questions on snakes" }),
        });
      const stack = await startStack({ config: both });
      const before = await namespaces(server);
      const [first] = stack.gateway.snapshot.plugins;
      const kept = before.filter((each) => each.startsWith(`${first?.config.id} `));
      expect(kept).toHaveLength(1);
      await stack.reload((simulator) =>
        routesConfig({ first: plugin(simulator, { vectordb: vectordb(server) }) }),
      );
      const after = await namespaces(server);
      expect(after).toHaveLength(before.length - 1);
      expect(after).toContain(kept[0]);
      await stack.close();
      expect(await namespaces(server)).toEqual(after);
    });
  });
});

describeWithServer("redis-stack", "the query engine", () => {
  it("has one index for all plugins and reloads, since some services allow ten", async () => {
    const server = await startServer("redis-stack", { password: storePassword });
    const settings = { vectordb: storeCases["redis-stack"].vectordb(server) };
    const stack = await startStack({ config: config(settings) });
    for (let edit = 0; edit < 12; edit++)
      await stack.reload(config({ ...settings, python: `edition ${edit}` }));
    const [indexes] = await askRedis(server, ["FT._LIST"]);
    expect(indexes).toHaveLength(1);
    await stack.close();
    await server.stop();
  });
});

describeWithServer("valkey", "a server without vector search", () => {
  it("is refused at start with its name, its version and what would help", async () => {
    const server = await startServer("valkey", { password: storePassword });
    const { host, port } = server;
    const vectordb = { strategy: "redis", redis: { host, port, password: storePassword } };
    const failure = await startStack({ config: config({ vectordb }) }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ kind: "unfit" });
    expect(String(failure)).toMatch(/Valkey 8\.1\.\d+ at 127\.0\.0\.1:\d+/);
    expect(String(failure)).toMatch(/Redis Stack|Redis 8/);
    expect(String(failure)).not.toContain(storePassword);

    const stack = await startStack({ config: config({ vectordb: { strategy: "memory" } }) });
    await expect(stack.reload(config({ vectordb }))).rejects.toMatchObject({ kind: "unfit" });
    expect((await stack.ask(prompts[0] ?? "")).status).toBe(200);
    await stack.close();
    await server.stop();
  });
});
