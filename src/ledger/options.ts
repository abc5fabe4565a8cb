/** The process's settings of the ledger, as one block. */
import { z } from "zod";
import { checkPostgres, defaultTimeoutMs, postgresOptions } from "../postgres/options.ts";
import type { OptionFault } from "../util/option-rules.ts";

export const ledgerPostgresOptions = postgresOptions({
  name: "sluice",
  description: "Database that holds the ledger.",
});

export const ledgerSqliteOptions = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe(
      "The file; `ledger.db` in the prefix folder unless given. Its folder is made where it is missing.",
    )
    .optional(),
  timeout: z
    .int()
    .min(1)
    .default(defaultTimeoutMs)
    .describe("Bound on each call, waiting for other processes included, in milliseconds."),
});

export const ledgerOptions = z.strictObject({
  strategy: z
    .enum(["sqlite", "postgres", "off"])
    .default("sqlite")
    .describe("`sqlite`: a file, for one machine; `postgres`: a server, for many; `off`: nothing is kept."),
  sqlite: ledgerSqliteOptions.prefault({}).describe("The file."),
  postgres: ledgerPostgresOptions.describe("Connection to PostgreSQL.").optional(),
  retention_days: z
    .int()
    .min(0)
    .default(90)
    .describe("Days after which entries are deleted; 0 keeps them for ever."),
  max_queue: z
    .int()
    .min(1)
    .default(20_000)
    .describe("Entries that may wait in memory; more go to the disk, and when that is full are refused."),
  spool_max_mib: z
    .int()
    .min(0)
    .default(1024)
    .describe("Most that may wait on the disk while the store is away, in MiB, for all processes together."),
  log_payloads: z.boolean().default(false).describe("Keep prompts and answers with the entries."),
});

export type LedgerOptions = z.output<typeof ledgerOptions>;

/** Faults of the block; paths are relative to it. */
export function checkLedger({ strategy, postgres }: LedgerOptions): readonly OptionFault[] {
  if (strategy === "postgres" && postgres === undefined)
    return [{ path: ["postgres"], message: "must be set for the strategy postgres" }];
  return postgres === undefined ? [] : checkPostgres(postgres, ["postgres"]);
}
