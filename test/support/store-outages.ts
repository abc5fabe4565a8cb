/** What may happen to a vector store under load; each real server goes through all of it. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Stack, startStack, until } from "./gateway.ts";
import { type ConfigObject, chatConfig, chatUrl, openaiTarget, remoteEmbeddings } from "./gateway-config.ts";
import { describeWithServer, startServer, type TestServer } from "./servers.ts";
import { type StoreCase, storePassword } from "./store-cases.ts";

const prompts: readonly (readonly [string, string])[] = [
  ["How do I write a Python function?", "gpt-3.5-turbo"],
  ["How to implement a custom iterator class in Python", "gpt-3.5-turbo"],
  ["How do I reset my corporate email password?", "gpt-4o"],
  ["My VPN keeps disconnecting; help me troubleshoot it?", "gpt-4o"],
  ["What's the weather like today?", "gpt-4o-mini"],
];

const requests = 400;
const concurrency = 50;
/** So much faster do the store's timers go, the deadlines of `storeCases` among them. */
const pace = 4;
/** A look every 5 s, waits of 1, 2, 4 s, at that pace: what an outage and its end take to be noticed, with room. */
const noticedMs = 25_000;

function config(simulator: string, vectordb: ConfigObject): ConfigObject {
  const url = chatUrl(simulator);
  return chatConfig(
    [
      openaiTarget(url, { model: "gpt-3.5-turbo", description: "Specialist in python" }),
      openaiTarget(url, { model: "gpt-4o", description: "Requests related to IT support" }),
      openaiTarget(url, { model: "gpt-4o-mini", description: "CATCHALL" }),
    ],
    {
      embeddings: remoteEmbeddings(`${simulator}/v1/embeddings`),
      vectordb: { dimensions: 256, distance_metric: "cosine", threshold: 0.7, ...vectordb },
      // The embedder is busy with many prompts at a time; slowness is not what is tested here.
      balancer: { algorithm: "semantic", semantic: { timeout: 20_000 } },
    },
  );
}

export function describeStoreOutages({ server: name, vectordb, spoil }: StoreCase): void {
  describeWithServer(
    name,
    `outages of ${name}`,
    () => {
      let server: TestServer;
      let stack: Stack;
      /** On one port, since an embedder at another address is another embedder. */
      let simulatorPort = 0;
      const start = async () => {
        const started = await startStack({
          config: (simulator) => config(simulator, vectordb(server, 1_000 * pace)),
          simulator: { port: simulatorPort },
          pace,
        });
        simulatorPort = started.simulator.port;
        return started;
      };
      const embedded = () => stack.simulator.received().filter(({ path }) => path.endsWith("/embeddings"));
      const said = (from = 0) =>
        stack.log
          .slice(from)
          .filter(({ level }) => level !== "debug")
          .map(({ level, message }) => `${level}: ${message}`);
      const health = () => stack.gateway.health().find(({ component }) => component === "vector_store");
      const waitFor = (state: string) =>
        until(() => health()?.state === state, `the store being ${state}: ${health()?.reason}`, noticedMs);

      beforeAll(async () => {
        server = await startServer(name, { password: storePassword });
        stack = await start();
      });
      afterAll(async () => {
        await stack.close();
        await server.stop();
      });

      /** What is wrong with the answer to `prompt`, if anything is. */
      async function askFor(prompt: string, model: string): Promise<string | undefined> {
        const { headers, status, text } = await stack.ask(prompt);
        const answeredBy = headers["x-kong-llm-model"];
        return status === 200 && answeredBy === `openai/${model}`
          ? undefined
          : `${status} ${answeredBy} ${text.slice(0, 200)}`;
      }

      /** Some hundred requests, fifty at a time; `meanwhile` begins once a few have been answered. */
      async function load(meanwhile: () => Promise<void> | void = () => undefined): Promise<void> {
        const wrong: string[] = [];
        let answered = 0;
        let disturbance: Promise<void> | undefined;
        const left = Array.from({ length: requests }, (_, at) => prompts[at % prompts.length]);
        const worker = async () => {
          for (let next = left.pop(); next !== undefined; next = left.pop()) {
            const fault = await askFor(...next);
            if (fault !== undefined) wrong.push(fault);
            if (++answered === 100) disturbance = Promise.resolve(meanwhile());
          }
        };
        await Promise.all(Array.from({ length: concurrency }, worker));
        await disturbance;
        expect(wrong).toEqual([]);
        expect(answered).toBe(requests);
      }

      const outage = [
        "warn: the vector store is away; routing goes on with the vectors in memory",
        "info: the vector store answers again",
      ];

      it("brings the vectors back after a restart of the gateway, and nothing is embedded again", async () => {
        await load();
        expect(health()).toMatchObject({ state: "up", failures: 0 });
        expect(said()).toEqual([]);
        await stack.close();
        stack = await start();
        expect(embedded()).toEqual([]);
        await load();
      });

      it("costs no request when the server is killed, and is told once", { timeout: 90_000 }, async () => {
        const before = stack.log.length;
        await load(() => server.kill());
        await waitFor("down");
        await load();
        expect(said(before)).toEqual(outage.slice(0, 1));
        await server.restart();
        await waitFor("up");
        expect(said(before)).toEqual(outage);
      });

      it("costs no request when the server freezes, and is told once", { timeout: 90_000 }, async () => {
        const before = stack.log.length;
        await load(() => server.freeze());
        await waitFor("down");
        await load();
        expect(said(before)).toEqual(outage.slice(0, 1));
        server.thaw();
        await waitFor("up");
        await load();
        expect(said(before)).toEqual(outage);
      });

      it("gives its vectors to a server that has come back empty", { timeout: 90_000 }, async () => {
        const written = health()?.writes ?? 0;
        await load(() => server.restart({ empty: true }));
        await until(() => (health()?.writes ?? 0) > written, "the vectors being written again", noticedMs);
        await stack.close();
        stack = await start();
        expect(embedded()).toEqual([]);
        expect(said().filter((line) => !outage.includes(line))).toEqual([]);
      });

      it("puts right what somebody has spoiled", { timeout: 90_000 }, async () => {
        await load(() => spoil(server));
        await stack.close();
        stack = await start();
        expect(health()).toMatchObject({ state: "up" });
        await load();
        expect(said().filter((line) => !line.startsWith("warn: stored vectors cannot be used"))).toEqual([]);
        await stack.close();
        stack = await start();
        expect(said()).toEqual([]);
        expect(embedded()).toEqual([]);
      });

      it("starts while the server is away, and hands the vectors over later", {
        timeout: 90_000,
      }, async () => {
        await stack.close();
        await server.kill();
        stack = await start();
        expect(health()).toMatchObject({ state: "down" });
        await load();
        await server.restart({ empty: true });
        await waitFor("up");
        expect(said()).toEqual(outage);
      });
    },
    { owned: true },
  );
}
