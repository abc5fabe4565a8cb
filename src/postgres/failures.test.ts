import { describe, expect, it } from "vitest";
import { StoreError, type StoreErrorKind } from "../util/store-error.ts";
import { toStoreError } from "./failures.ts";
import { postgresOptions } from "./options.ts";
import { type Owner, toSettings } from "./settings.ts";

const owner: Owner = {
  name: "pgvector",
  block: "vectordb.pgvector",
  remake: "dropping the tables helps",
  grants: (user) => `GRANT SELECT, INSERT, UPDATE, DELETE ON t TO ${user}`,
};
const options = postgresOptions({ name: "db", description: "" });
const settings = toSettings(
  options.parse({ host: "db", user: "me", database: "d", password: "geheim" }),
  owner,
);
const translate = (error: unknown) => toStoreError(error, settings);

/** As `pg` raises what the server says. */
function said(code: string, message = "words of the server"): Error {
  return Object.assign(new Error(message), { code, severity: "ERROR" });
}

/** As Node raises what the system says. */
function met(code: string, message = code): Error {
  return Object.assign(new Error(message), { code });
}

describe("an error of the server", () => {
  it.each<[string, StoreErrorKind, RegExp]>([
    ["08006", "unreachable", /words of the server/],
    ["25006", "denied", /primary/],
    ["28000", "denied", /words of the server/],
    ["28P01", "denied", /vectordb\.pgvector\.password/],
    ["3D000", "unfit", /CREATE DATABASE "d" OWNER "me"/],
    ["40P01", "unreachable", /words/],
    ["42501", "denied", /GRANT SELECT, INSERT, UPDATE, DELETE/],
    ["42703", "corrupt", /dropping the tables/],
    ["42P01", "corrupt", /dropping the tables/],
    ["22000", "corrupt", /dropping the tables/],
    ["23502", "corrupt", /dropping the tables/],
    ["53100", "denied", /make room/],
    ["53200", "unreachable", /words/],
    ["53300", "unreachable", /max_connections/],
    ["57014", "unreachable", /5000 ms \(vectordb\.pgvector\.timeout\)/],
    ["57P01", "unreachable", /words/],
    ["57P03", "unreachable", /words/],
    ["0A000", "unfit", /words/],
    ["54000", "unfit", /words/],
    ["XX000", "unreachable", /words/],
    ["XX001", "corrupt", /dropping the tables/],
    ["ZZ999", "unreachable", /words/],
  ])("with SQLSTATE %s is %s", (code, kind, words) => {
    const cause = said(code);
    const error = translate(cause);
    expect(error.kind).toBe(kind);
    expect(error.message).toMatch(words);
    expect(error.message).toContain(`(SQLSTATE ${code})`);
    expect(error.message).toMatch(/^pgvector at db:5432\/d: /);
    expect(error.message).not.toContain("geheim");
    expect(error.cause).toBe(cause);
  });

  it("tells by its words what sign-in wants", () => {
    const rule = 'no pg_hba.conf entry for host "1.2.3.4", user "me", database "d", no encryption';
    expect(translate(said("28000", rule)).message).toContain("set vectordb.pgvector.ssl to true");
    const certificate = "connection requires a valid client certificate";
    expect(translate(said("28000", certificate)).message).toContain("vectordb.pgvector.ssl_cert");
  });

  it("is cut to its first line", () => {
    expect(translate(said("XX000", "first\nsecond")).message).not.toContain("second");
  });
});

describe("an error of the connection", () => {
  it.each<[string, StoreErrorKind, RegExp]>([
    ["ECONNREFUSED", "unreachable", /nothing listens on port 5432 of db/],
    ["ECONNRESET", "unreachable", /ECONNRESET/],
    ["ENOTFOUND", "unreachable", /does not resolve/],
    ["EAI_AGAIN", "unreachable", /does not resolve/],
    ["CERT_HAS_EXPIRED", "denied", /NODE_EXTRA_CA_CERTS/],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "denied", /NODE_EXTRA_CA_CERTS/],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "denied", /NODE_EXTRA_CA_CERTS/],
    ["SELF_SIGNED_CERT_IN_CHAIN", "denied", /NODE_EXTRA_CA_CERTS/],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "denied", /vectordb\.pgvector\.host/],
    ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "denied", /ssl_version/],
    ["EPROTO", "denied", /ssl_version/],
  ])("with code %s is %s", (code, kind, words) => {
    const error = translate(met(code));
    expect(error.kind).toBe(kind);
    expect(error.message).toMatch(words);
  });

  it("has the words of the first where Node tried several addresses", () => {
    const all = Object.assign(new AggregateError([met("ECONNREFUSED", "connect ECONNREFUSED ::1:5432")]), {
      code: "ECONNREFUSED",
    });
    expect(translate(all).message).toContain("connect ECONNREFUSED ::1:5432: nothing listens");
  });

  it("is unreachable when it is of no known kind, even when it is no error", () => {
    expect(translate(new Error("Connection terminated unexpectedly")).kind).toBe("unreachable");
    expect(translate("odd").message).toBe("pgvector at db:5432/d: odd");
  });

  it("stays what it is when it is one of the family", () => {
    const error = new StoreError("invalid", "words");
    expect(translate(error)).toBe(error);
  });
});
