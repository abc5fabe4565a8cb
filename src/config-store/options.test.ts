import { describe, expect, it } from "vitest";
import { PlaceSettingError } from "../sql/place-setting.ts";
import { readConfigStoreSetting } from "./options.ts";

const read = (text: string, password?: string) =>
  readConfigStoreSetting({ text, source: "SLUICE_DATABASE" }, password);

describe("where the configuration is kept", () => {
  it("is a file in the prefix folder, or one elsewhere", () => {
    expect(read("sqlite")).toEqual({ strategy: "sqlite", sqlite: { timeout: 5000 } });
    expect(read("sqlite:/var/lib/a:b.db").sqlite.path).toBe("/var/lib/a:b.db");
    expect(read("memory").strategy).toBe("memory");
  });

  it("is a server, whose password may come on its own", () => {
    const { postgres } = read("postgres://me@db.example:6432/gateway?ssl=true", "s@fe");
    expect(postgres).toMatchObject({
      host: "db.example",
      port: 6432,
      user: "me",
      password: "s@fe",
      database: "gateway",
      ssl: true,
    });
  });

  it.each([
    ["", /^SLUICE_DATABASE: write sqlite \(.*sqlite:PATH/],
    ["off", /^SLUICE_DATABASE: write/],
    ["mysql://me:secretword@db/x", /^SLUICE_DATABASE: write/],
    ["sqlite:", /^SLUICE_DATABASE: write/],
    ["postgres://me:secretword@db:99999/x", /the address of the server cannot be read/],
    ["postgres://me:secret%word@db/x", /a % in the address/],
    ["postgres://me:secretword@db/x?hots=y", /postgres: Unrecognized key: "hots"/],
    ["postgres://me:secretword@db/x?ssl_required=true", /postgres\.ssl_required/],
  ])("refuses %s with what would do, and without its password", (text, message) => {
    const refused = (() => {
      try {
        return read(text);
      } catch (error) {
        return error;
      }
    })();
    expect(refused).toBeInstanceOf(PlaceSettingError);
    expect((refused as Error).message).toMatch(message);
    expect((refused as Error).message).not.toMatch(/secret/);
  });
});
