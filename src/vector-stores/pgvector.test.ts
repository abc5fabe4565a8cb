import { afterAll, beforeAll } from "vitest";
import { describeWithServer, startServer, type TestServer } from "../../test/support/servers.ts";
import { usePgvector } from "./pgvector/bench.contract.ts";
import { describeVectorStore } from "./vector-store.contract.ts";

describeWithServer("postgres", "a real PostgreSQL", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer("postgres");
  });
  afterAll(() => server.stop());
  const bench = usePgvector(() => server);

  describeVectorStore("pgvector", () => bench.open(), { isShared: true });
  // Everything but the smallest namespaces through an index. It may miss something by its nature; of 9,000 searches
  // like those here, over 360 indexes, none did.
  describeVectorStore("pgvector with indexes", () => bench.open({}, { scanUpTo: 100 }), { isShared: true });
});
