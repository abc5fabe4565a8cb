/** What messages about a server call things when its vectors are meant. */
import type { Owner } from "../../postgres/settings.ts";
import { grants, tables } from "./tables.ts";

export const pgvectorOwner: Owner = {
  name: "pgvector",
  block: "vectordb.pgvector",
  remake: `what is stored is not what Sluice stored; dropping the tables ${tables.join(", ")} makes it store its vectors anew`,
  grants,
};
