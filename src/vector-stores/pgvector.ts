/** Vectors in PostgreSQL, found by its extension pgvector. */

import { toSettings } from "./pgvector/settings.ts";
import { createPgvectorStore } from "./pgvector/store.ts";
import { checkClientFiles } from "./pgvector/tls.ts";
import { pgvectorOptions } from "./pgvector-options.ts";
import { defineVectorStore } from "./vector-store.ts";

export const pgvector = defineVectorStore({
  name: "pgvector",
  summary:
    "Keeps vectors in PostgreSQL with the extension pgvector: exact up to thousands of vectors, through an index beyond.",
  isRemote: true,
  create(config, services) {
    const settings = toSettings(config.pgvector ?? pgvectorOptions.parse({}));
    checkClientFiles(settings.tls);
    return createPgvectorStore(settings, services);
  },
});
