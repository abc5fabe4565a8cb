/** The block `vectordb.pgvector`: a connection to PostgreSQL. */
import { checkPostgres, type PostgresOptions, postgresOptions } from "../postgres/options.ts";
import type { OptionFault } from "../util/option-rules.ts";

/** The longest vector that pgvector stores. */
export const largestDimensions = 16_000;

export const pgvectorOptions = postgresOptions({
  name: "kong-pgvector",
  description: "Database that holds the vectors.",
});

/** What the check needs to know of the block `vectordb`. */
interface Vectordb {
  readonly strategy: string;
  readonly dimensions?: number | undefined;
  readonly pgvector?: PostgresOptions | undefined;
}

/** Faults of the block; paths are relative to `vectordb`. */
export function checkPgvector(vectordb: Vectordb): readonly OptionFault[] {
  const { strategy, dimensions, pgvector } = vectordb;
  const faults: OptionFault[] = [];
  if (strategy === "pgvector" && dimensions !== undefined && dimensions > largestDimensions) {
    faults.push({
      path: ["dimensions"],
      message: `pgvector stores vectors of at most ${largestDimensions} numbers`,
    });
  }
  return pgvector === undefined ? faults : [...faults, ...checkPostgres(pgvector, ["pgvector"])];
}
