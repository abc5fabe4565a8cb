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
  ])("of %j in %s is %s", (entries, address, isTrusted) => {
    expect(createTrust(entries)?.(address)).toBe(isTrusted);
  });

  it("is there for nobody where nobody is named", () => {
    expect(createTrust([])).toBeUndefined();
  });

  it.each(["", "10.0.0", "10.0.0.0/33", "::1/129", "10.0.0.0/8/8", "10.0.0.0/", "host", "unix:"])(
    "refuses %j",
    (entry) => {
      expect(() => createTrust([entry])).toThrow(`"${entry}" is no IP address and no CIDR range`);
    },
  );

  it("takes what can be used of what it is told", () => {
    expect(
      ["https", "http", "HTTPS, http", "ftp", undefined].map((told) =>
        toldScheme({ "x-forwarded-proto": told }),
      ),
    ).toEqual(["https", "http", undefined, undefined, undefined]);
    expect(["192.0.2.1", "::1", "x", undefined].map((told) => toldIp({ "x-real-ip": told }))).toEqual([
      "192.0.2.1",
      "::1",
      undefined,
      undefined,
    ]);
  });
});
