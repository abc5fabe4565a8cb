/** PostgreSQL goes away, freezes, forgets and is tampered with while a thousand requests are under way. */
import { targetKey } from "../support/gateway-config.ts";
import { askPostgres, database } from "../support/servers.ts";
import { describeStoreOutages } from "../support/store-outages.ts";

describeStoreOutages({
  server: "postgres",
  vectordb: ({ host, port }) => ({
    strategy: "pgvector",
    pgvector: { host, port, database, user: "postgres", password: targetKey, timeout: 1000 },
  }),
  spoil: async (server) => {
    await askPostgres(server, "UPDATE sluice_vectors SET embedding = '[1,2,3]'");
  },
});
