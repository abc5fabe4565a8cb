/** Vectors in PostgreSQL, found by its extension pgvector. */

import { toSettings } from "../postgres/settings.ts";
import { checkClientFiles } from "../postgres/tls.ts";
import { pgvectorOwner } from "./pgvector/owner.ts";
import { createPgvectorStore } from "./pgvector/store.ts";
import { pgvectorOptions } from "./pgvector-options.ts";
import { defineVectorStore } from "./vector-store.ts";

export const pgvector = defineVectorStore({
  name: "pgvector",
  summary:
    "Keeps vectors in PostgreSQL with the extension pgvector: exact up to thousands of vectors, through an index beyond.",
  isRemote: true,
  create(config, services) {
    const settings = toSettings(config.pgvector ?? pgvectorOptions.parse({}), pgvectorOwner);
    checkClientFiles(settings);
    return createPgvectorStore(settings, services);
  },
});
