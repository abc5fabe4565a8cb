/** The block `vectordb.pgvector`: a connection to PostgreSQL. */
import { z } from "zod";
import { secret } from "../util/field-notes.ts";
import { allOrNone, type OptionFault } from "../util/option-rules.ts";

/** Where `timeout` is 0, too: a wait without end would hold whoever waits. */
export const defaultTimeoutMs = 5000;

/** The longest vector that pgvector stores. */
export const largestDimensions = 16_000;

export const pgvectorOptions = z.strictObject({
  host: z.string().default("127.0.0.1").describe("Host of the server, or of the pooler in front of it."),
  port: z
    .int()
    .default(5432)
    .refine((port) => port >= 0 && port <= 65535, "must be between 0 and 65535")
    .describe("Port of the server."),
  user: z.string().default("postgres").describe("Name to sign in with."),
  password: z.string().describe("Password to sign in with.").meta(secret).optional(),
  database: z.string().default("kong-pgvector").describe("Database that holds the vectors."),
  timeout: z
    .number()
    .default(defaultTimeoutMs)
    .refine((timeoutMs) => timeoutMs >= 0, "must not be negative")
    .describe(
      "Bound on each call, from waiting for a connection to the last byte of the answer, in milliseconds; " +
        "0 stands for the default.",
    ),
  ssl: z
    .boolean()
    .default(false)
    .describe(
      "Encrypt the connection if the server can, else go on without; `ssl_required` refuses to go on without.",
    ),
  ssl_required: z
    .boolean()
    .default(false)
    .describe("Refuse to go on when the server does not encrypt. Needs `ssl`."),
  ssl_verify: z
    .boolean()
    .default(true)
    .describe(
      "Check that the server's certificate names `host` and comes from an authority that Node.js trusts: " +
        "those it ships with and those in the file that the environment's NODE_EXTRA_CA_CERTS names.",
    ),
  ssl_version: z
    .enum(["tlsv1_2", "tlsv1_3", "any"])
    .default("tlsv1_2")
    .describe("Oldest version of TLS to accept; newer ones are preferred. `any` accepts TLS 1.0, too."),
  ssl_cert: z
    .string()
    .describe("Path of the client's certificate (PEM), read again for each new connection.")
    .optional(),
  ssl_cert_key: z.string().describe("Path of the key to the client's certificate (PEM).").optional(),
});

export type PgvectorOptions = z.output<typeof pgvectorOptions>;

/** What the check needs to know of the block `vectordb`. */
interface Vectordb {
  readonly strategy: string;
  readonly dimensions?: number | undefined;
  readonly pgvector?: PgvectorOptions | undefined;
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
  if (pgvector === undefined) return faults;
  return [...faults, ...checkAddress(pgvector), ...checkSsl(pgvector)];
}

function checkAddress(pgvector: PgvectorOptions): readonly OptionFault[] {
  const faults: OptionFault[] = [];
  for (const field of ["host", "user", "database"] as const) {
    if (pgvector[field] === "") faults.push({ path: ["pgvector", field], message: "must not be empty" });
  }
  if (pgvector.port === 0)
    faults.push({ path: ["pgvector", "port"], message: "no server listens on port 0" });
  return faults;
}

function checkSsl(pgvector: PgvectorOptions): readonly OptionFault[] {
  const at = ["pgvector"];
  const faults = [...allOrNone(pgvector, ["ssl_cert", "ssl_cert_key"], at)];
  if (pgvector.ssl) return faults;
  if (pgvector.ssl_required)
    faults.push({ path: [...at, "ssl_required"], message: "needs ssl: set ssl to true" });
  for (const field of ["ssl_cert", "ssl_cert_key"] as const) {
    if (pgvector[field] === undefined) continue;
    faults.push({ path: [...at, field], message: "is only shown over TLS: set ssl to true" });
  }
  return faults;
}
