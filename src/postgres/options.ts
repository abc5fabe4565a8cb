/** A block of options for a connection to PostgreSQL. */
import { z } from "zod";
import { secret } from "../util/field-notes.ts";
import { allOrNone, type OptionFault } from "../util/option-rules.ts";

/** Where `timeout` is 0, too: a wait without end would hold whoever waits. */
export const defaultTimeoutMs = 5000;

export interface DatabaseDefault {
  readonly name: string;
  readonly description: string;
}

/** The block, for a database that has this name unless it is told otherwise. */
export function postgresOptions(database: DatabaseDefault) {
  return z.strictObject({
    host: z.string().default("127.0.0.1").describe("Host of the server, or of the pooler in front of it."),
    port: z
      .int()
      .default(5432)
      .refine((port) => port >= 0 && port <= 65535, "must be between 0 and 65535")
      .describe("Port of the server."),
    user: z.string().default("postgres").describe("Name to sign in with."),
    password: z.string().describe("Password to sign in with.").meta(secret).optional(),
    database: z.string().default(database.name).describe(database.description),
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
}

export type PostgresOptions = z.output<ReturnType<typeof postgresOptions>>;

/** Faults of the block, which stands at `at`. */
export function checkPostgres(options: PostgresOptions, at: readonly string[]): readonly OptionFault[] {
  return [...checkAddress(options, at), ...checkSsl(options, at)];
}

function checkAddress(options: PostgresOptions, at: readonly string[]): readonly OptionFault[] {
  const faults: OptionFault[] = [];
  for (const field of ["host", "user", "database"] as const) {
    if (options[field] === "") faults.push({ path: [...at, field], message: "must not be empty" });
  }
  if (options.port === 0) faults.push({ path: [...at, "port"], message: "no server listens on port 0" });
  return faults;
}

function checkSsl(options: PostgresOptions, at: readonly string[]): readonly OptionFault[] {
  const faults = [...allOrNone(options, ["ssl_cert", "ssl_cert_key"], at)];
  if (options.ssl) return faults;
  if (options.ssl_required)
    faults.push({ path: [...at, "ssl_required"], message: "needs ssl: set ssl to true" });
  for (const field of ["ssl_cert", "ssl_cert_key"] as const) {
    if (options[field] === undefined) continue;
    faults.push({ path: [...at, field], message: "is only shown over TLS: set ssl to true" });
  }
  return faults;
}
