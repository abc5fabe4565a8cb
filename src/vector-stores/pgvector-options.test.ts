import { describe, expect, it } from "vitest";
import { toSettings } from "../postgres/settings.ts";
import { checkVectordb, vectordbOptions } from "./options.ts";
import { pgvectorOwner } from "./pgvector/owner.ts";
import { pgvectorOptions } from "./pgvector-options.ts";

const block = (pgvector: object, rest: object = {}) =>
  vectordbOptions.parse({
    strategy: "pgvector",
    dimensions: 3,
    distance_metric: "cosine",
    ...rest,
    pgvector,
  });
const faults = (pgvector: object, rest: object = {}) =>
  checkVectordb(block(pgvector, rest)).map(({ path, message }) => `${path.join(".")}: ${message}`);
const settings = (options: object) => toSettings(pgvectorOptions.parse(options), pgvectorOwner);

describe("the block vectordb.pgvector", () => {
  it("is without fault as it is by default, and with everything about TLS", () => {
    expect(faults({})).toEqual([]);
    expect(faults({ ssl: true, ssl_required: true, ssl_cert: "a", ssl_cert_key: "b" })).toEqual([]);
  });

  it("finds settings of TLS that go without TLS, or without each other", () => {
    expect(faults({ ssl_required: true })).toEqual(["pgvector.ssl_required: needs ssl: set ssl to true"]);
    expect(faults({ ssl: true, ssl_cert: "a" })).toEqual([
      "pgvector.ssl_cert_key: all or none of these fields must be set: 'pgvector.ssl_cert', 'pgvector.ssl_cert_key'",
    ]);
    expect(faults({ ssl_cert: "a", ssl_cert_key: "b" })).toEqual([
      "pgvector.ssl_cert: is only shown over TLS: set ssl to true",
      "pgvector.ssl_cert_key: is only shown over TLS: set ssl to true",
    ]);
  });

  it("finds addresses that cannot be", () => {
    expect(faults({ host: "", user: "", database: "", port: 0 })).toEqual([
      "pgvector.host: must not be empty",
      "pgvector.user: must not be empty",
      "pgvector.database: must not be empty",
      "pgvector.port: no server listens on port 0",
    ]);
  });

  it("finds vectors that are too long for pgvector, and for pgvector only", () => {
    expect(faults({}, { dimensions: 16_000 })).toEqual([]);
    expect(faults({}, { dimensions: 16_001 })).toEqual([
      "dimensions: pgvector stores vectors of at most 16000 numbers",
    ]);
    expect(faults({}, { dimensions: 16_001, strategy: "redis" })).toEqual([]);
  });
});

describe("the settings of a connection", () => {
  it("name the place without a credential", () => {
    expect(settings({ password: "secret", user: "me", database: "d" }).place).toBe(
      "pgvector at 127.0.0.1:5432/d",
    );
    expect(settings({ host: "::1", database: "d" }).place).toBe("pgvector at [::1]:5432/d");
  });

  it("take a timeout of 0 for the default, and bound the largest to what a timer takes", () => {
    expect(settings({ timeout: 0 }).timeoutMs).toBe(5000);
    expect(settings({ timeout: 0.2 }).timeoutMs).toBe(1);
    expect(settings({ timeout: 1e12 }).timeoutMs).toBe(2_147_483_647);
  });

  it("take an empty password for none", () => {
    expect(settings({ password: "" }).password).toBeUndefined();
    expect(settings({ password: " " }).password).toBe(" ");
  });

  it("ask for no TLS unless told to", () => {
    expect(settings({ ssl_verify: true }).tls).toBeUndefined();
    expect(settings({ ssl: true })).toMatchObject({
      tls: { isRequired: false, isVerified: true, minVersion: "TLSv1.2" },
    });
    expect(settings({ ssl: true, ssl_version: "any" }).tls?.minVersion).toBe("TLSv1");
    expect(settings({ ssl: true, ssl_version: "tlsv1_3" }).tls?.minVersion).toBe("TLSv1.3");
  });
});
