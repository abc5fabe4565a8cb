/** The contract, kept by each engine on a real server. */
import { afterAll, beforeAll } from "vitest";
import { describeWithServer, startServer, type TestServer } from "../../test/support/servers.ts";
import { openStore } from "./redis/open.contract.ts";
import { describeVectorStore } from "./vector-store.contract.ts";

describeWithServer("redis-stack", "redis with the query engine", () => {
  const server = useServer("redis-stack");
  describeVectorStore("redis-stack", () => openStore({ host: server().host, port: server().port }), {
    isShared: true,
  });
});

describeWithServer("redis", "redis with vector sets", () => {
  const server = useServer("redis");
  describeVectorStore(
    "redis, database 3",
    () => openStore({ host: server().host, port: server().port, database: 3 }),
    { isShared: true },
  );
});

function useServer(name: "redis" | "redis-stack"): () => TestServer {
  let server: TestServer | undefined;
  beforeAll(async () => {
    server = await startServer(name);
  }, 30_000);
  afterAll(() => server?.stop());
  return () => {
    if (server === undefined) throw new Error(`no ${name} runs outside a test`);
    return server;
  };
}
