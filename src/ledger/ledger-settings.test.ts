import { describe, expect, it } from "vitest";
import { PlaceSettingError } from "../sql/place-setting.ts";
import { readLedgerSetting } from "./ledger-settings.ts";

const read = (text: string, password?: string) =>
  readLedgerSetting({ text, source: "SLUICE_LEDGER" }, password);

function refusal(text: string): string {
  try {
    read(text);
  } catch (error) {
    expect(error).toBeInstanceOf(PlaceSettingError);
    return String(error);
  }
  throw new Error(`${text} was taken`);
}

describe("where the ledger is", () => {
  it("is a file unless it is said otherwise", () => {
    expect(read("sqlite")).toMatchObject({
      strategy: "sqlite",
      sqlite: { timeout: 5000 },
      retention_days: 90,
      log_payloads: false,
    });
    expect(read("sqlite:/var/lib/sluice/a:b.db").sqlite.path).toBe("/var/lib/sluice/a:b.db");
    expect(read("off").strategy).toBe("off");
  });

  it("is a server's address, with the fields of its block", () => {
    expect(
      read("postgres://me:s%40fe@db.example:6432/bills?ssl=true&ssl_verify=false&timeout=900"),
    ).toMatchObject({
      strategy: "postgres",
      postgres: {
        host: "db.example",
        port: 6432,
        user: "me",
        password: "s@fe",
        database: "bills",
        ssl: true,
        ssl_verify: false,
        timeout: 900,
      },
    });
    expect(read("postgresql://[::1]").postgres).toMatchObject({
      host: "::1",
      port: 5432,
      user: "postgres",
      database: "sluice",
    });
  });

  it("takes the password from elsewhere rather than from the address", () => {
    expect(read("postgres://me:old@db/x", "new").postgres?.password).toBe("new");
  });

  it("takes what else is said", () => {
    const setting = { text: "sqlite", source: "--ledger" };
    const options = readLedgerSetting(setting, undefined, { retentionDays: 0, logPayloads: true });
    expect(options).toMatchObject({ retention_days: 0, log_payloads: true });
  });

  it.each([
    ["mysql://me:geheim@db/x", "write sqlite"],
    ["sqlite:", "write sqlite"],
    ["", "write sqlite"],
    ["/var/lib/ledger.db", "write sqlite"],
    ["postgres://me:geheim@db:99999/x", "cannot be read"],
    ["postgres://me:geheim%zz@db/x", "hexadecimal"],
    ["postgres://me:geheim@db/x?sslmode=require", "sslmode"],
    ["postgres://me:geheim@db/x?ssl_required=true", "needs ssl"],
    ["postgres://me:geheim@db/x?timeout=soon", "timeout"],
  ])("refuses %s, without showing a password", (text, words) => {
    const message = refusal(text);
    expect(message).toContain("SLUICE_LEDGER: ");
    expect(message).toContain(words);
    expect(message).not.toContain("geheim");
  });

  it("refuses a number of days that is none", () => {
    expect(() =>
      readLedgerSetting({ text: "sqlite", source: "--ledger" }, undefined, { retentionDays: -1 }),
    ).toThrow("--ledger: retention_days: ");
  });
});
