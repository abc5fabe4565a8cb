import { describe, expect, it } from "vitest";
import { idleSettings } from "./idle-settings.ts";
import { settingTable } from "./settings.ts";

const nothing = { dashboardListen: undefined, proxyListenSsl: undefined, sslCert: undefined };
const idle = (given: Partial<Parameters<typeof idleSettings>[0]>) =>
  idleSettings({ flags: {}, env: {}, settings: nothing, hasDatabase: true, ...given });

describe("settings that nothing reads", () => {
  it("are variables one letter away from one that is read", () => {
    expect(idle({ env: { SLUICE_ADMIN_LISTN: "off", SLUICE_PROXY_LISTEN: "x", PATH: "/" } })).toEqual([
      "SLUICE_ADMIN_LISTN is no setting: did you mean SLUICE_ADMIN_LISTEN?",
    ]);
  });

  it("are none of those that are read, nor what belongs to somebody else", () => {
    const env = Object.fromEntries(settingTable.map((setting) => [setting.env, "x"]));
    expect(idle({ env: { ...env, SLUICE_SERVERS_DIR: "/x", MY_SLUICE_ADMIN_LISTN: "x" } })).toEqual([]);
    const kubernetes = {
      SLUICE_DATABASE_PORT: "tcp://10.0.0.1:5432",
      SLUICE_DATABASE_SERVICE_HOST: "10.0.0.1",
    };
    expect(idle({ env: kubernetes })).toEqual([]);
  });

  it("are a database beside a file, by what it was given with", () => {
    const flags = { database: "sqlite:x.db" };
    const env = { SLUICE_DATABASE: "postgres://user:secret@host/x" };
    expect(idle({ flags, env, hasDatabase: false })).toEqual([expect.stringMatching(/^--database has no /)]);
    expect(idle({ env, hasDatabase: false })).toEqual([expect.stringMatching(/^SLUICE_DATABASE has no /)]);
    expect(idle({ env, hasDatabase: false }).join()).not.toContain("secret");
    expect(idle({ flags, env })).toEqual([]);
    expect(idle({ env: { SLUICE_DATABASE: "" }, hasDatabase: false })).toEqual([]);
  });

  it("are a certificate where nothing speaks TLS, and a place for a dashboard", () => {
    const address = { host: "127.0.0.1", port: 0 };
    const settings = { ...nothing, sslCert: { cert: "a", key: "b" }, dashboardListen: address };
    const env = { SLUICE_SSL_CERT: "a", SLUICE_DASHBOARD_LISTEN: "127.0.0.1:0" };
    expect(idle({ env, settings })).toEqual([
      "SLUICE_SSL_CERT has no effect: nothing speaks TLS without --proxy-listen-ssl",
      "SLUICE_DASHBOARD_LISTEN has no effect: this version has no dashboard",
    ]);
    expect(
      idle({ env, settings: { ...nothing, proxyListenSsl: address, sslCert: settings.sslCert } }),
    ).toEqual([]);
  });
});
