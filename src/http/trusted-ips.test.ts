import { describe, expect, it } from "vitest";
import { createTrust, toldIp, toldScheme } from "./trusted-ips.ts";

describe("trust", () => {
  it.each<[string[], string, boolean]>([
    [["10.0.0.0/8", "192.0.2.1"], "10.200.1.2", true],
    [["10.0.0.0/8", "192.0.2.1"], "192.0.2.1", true],
    [["10.0.0.0/8", "192.0.2.1"], "192.0.2.2", false],
    [["10.0.0.0/8"], "::ffff:10.1.2.3", true],
    [["10.0.0.0/8"], "::1", false],
    [["fd00::/8"], "fd12::1", true],
    [["0.0.0.0/0"], "203.0.113.7", true],
    [["0.0.0.0/0"], "::1", false],
    [["::/0", "0.0.0.0/0"], "::1", true],
    [["127.0.0.1"], "", false],
    [["::/0"], "203.0.113.7", false],
    [["::/0"], "::ffff:203.0.113.7", false],
    [["10.0.0.4/31"], "10.0.0.5", true],
    [["10.0.0.4/31"], "10.0.0.6", false],
    [["::FFFF:10.0.0.0/104"], "10.9.9.9", true],
    [["::ffff:10.0.0.0/104"], "11.0.0.1", false],
    [["::ffff:192.0.2.1"], "::ffff:192.0.2.1", true],
    [["::ffff:0:0/96"], "203.0.113.7", true],
    [["::ffff:a00:0/104"], "10.9.9.9", true],
    [["::ffff:a00:0/104"], "11.0.0.1", false],
    [["0:0:0:0:0:ffff:10.0.0.1"], "10.0.0.1", true],
    [["::10.0.0.1"], "10.0.0.1", false],
    [["fe80::1%eth0"], "fe80::1%eth1", true],
    [["FE80::/10"], "fe80::1%eth0", true],
  ])("of %j in %s is %s", (entries, address, isTrusted) => {
    expect(createTrust(entries)?.(address)).toBe(isTrusted);
  });

  it("is there for nobody where nobody is named", () => {
    expect(createTrust([])).toBeUndefined();
  });

  it.each([
    "",
    "10.0.0",
    "10.0.0.0/33",
    "::1/129",
    "10.0.0.0/8/8",
    "10.0.0.0/",
    "host",
    "unix:",
    "::ffff:1.2.3.4/95",
  ])("refuses %j", (entry) => {
    expect(() => createTrust([entry])).toThrow(`"${entry}" is no IP address and no CIDR range`);
  });

  it.each([
    ["https", "https"],
    ["http", "http"],
    ["HTTPS", "https"],
    ["https, http", undefined],
    ["ftp", undefined],
    [undefined, undefined],
  ])("takes %j for the scheme %j", (told, scheme) => {
    expect(toldScheme({ "x-forwarded-proto": told })).toBe(scheme);
  });

  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::1", "::1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["192.0.2.1, 192.0.2.2", undefined],
    ["192.0.2.1:80", undefined],
    ["x", undefined],
    [undefined, undefined],
  ])("takes %j for the address %j", (told, address) => {
    expect(toldIp({ "x-real-ip": told })).toBe(address);
  });
});
