/** The block `vectordb.pgvector`: a connection to PostgreSQL. */
import { z } from "zod";
import { secret } from "../util/field-notes.ts";

export const pgvectorOptions = z.strictObject({
  host: z.string().default("127.0.0.1").describe("Host of the server."),
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
    .default(5000)
    .refine((timeoutMs) => timeoutMs >= 0, "must not be negative")
    .describe("Longest wait for an answer, in milliseconds."),
  ssl: z.boolean().default(false).describe("Encrypt the connection."),
  ssl_required: z.boolean().default(false).describe("Refuse to go on when the server does not encrypt."),
  ssl_verify: z.boolean().default(true).describe("Check the server's certificate."),
  ssl_version: z.enum(["tlsv1_2", "tlsv1_3", "any"]).default("tlsv1_2").describe("Version of TLS."),
  ssl_cert: z.string().describe("Path of the client's certificate.").optional(),
  ssl_cert_key: z.string().describe("Path of the key to the client's certificate.").optional(),
});
