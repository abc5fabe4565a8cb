/** Signing in and TLS against real servers. */
import { readFileSync } from "node:fs";
import tls from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import {
  askRedis,
  certificates,
  describeWithServer,
  startServer,
  type TestServer,
} from "../../../test/support/servers.ts";
import { failureOf, idsFound, items, namespace, signal, useStores } from "./open.contract.ts";

const secret = `p@ss "word" {1}`;

describeWithServer(
  "redis",
  "signing in to redis",
  () => {
    const open = useStores();
    let withPassword: TestServer;
    let withUser: TestServer;
    let without: TestServer;

    beforeAll(async () => {
      [withPassword, withUser, without] = await Promise.all([
        startServer("redis", { password: secret }),
        startServer("redis", { password: secret, user: "sluice" }),
        startServer("redis"),
      ]);
    }, 30_000);
    afterAll(() => Promise.all([withPassword, withUser, without].map((server) => server.stop())));

    it("works with a password", async () => {
      const store = open({ port: withPassword.port, password: secret, database: 2 });
      await store.replace(namespace, items, signal);
      expect(await idsFound(store)).toEqual(["near", "across", "opposite"]);
    });

    it("works with a user", async () => {
      const store = open({ port: withUser.port, username: "sluice", password: secret });
      await store.replace(namespace, items, signal);
      expect(await idsFound(store)).toEqual(["near", "across", "opposite"]);
    });

    it.each([
      ["no password", {}, /asks for a password: set password/],
      ["a wrong password", { password: "wr0ng-secret" }, /check username and password/],
      ["a user it does not know", { username: "nobody", password: secret }, /check username and password/],
    ])("is denied with %s, and does not repeat it", async (_, options, expected) => {
      for (const { port } of [withPassword, withUser]) {
        const { kind, message, cause } = await failureOf(open({ port, ...options }).has(namespace, signal));
        expect(kind).toBe("denied");
        expect(message).toMatch(expected);
        expect(`${message} ${cause}`).not.toContain("wr0ng-secret");
      }
    });

    it("says that a password is one too many", async () => {
      const { kind, message } = await failureOf(
        open({ port: without.port, password: "wr0ng-secret" }).has(namespace, signal),
      );
      expect(kind).toBe("denied");
      expect(message).toMatch(/has no password, but one is configured/);
    });

    it("names what a user may not do, and needs no more than its own keys", async () => {
      await askRedis(
        without.url,
        [
          "ACL",
          "SETUSER",
          "narrow",
          "on",
          ">pass",
          "~{sluice:vectors:1}:*",
          "+@all",
          "-@dangerous",
          "-@admin",
        ],
        ["ACL", "SETUSER", "reader", "on", ">pass", "~{sluice:vectors:1}:*", "+@read", "+@connection"],
        ["ACL", "SETUSER", "elsewhere", "on", ">pass", "~other:*", "+@all"],
      );
      const store = open({ port: without.port, username: "narrow", password: "pass" });
      await store.replace(namespace, items, signal);
      expect(await idsFound(store)).toEqual(["near", "across", "opposite"]);
      expect(await store.versions("owner", signal)).toEqual(["v1"]);
      await store.delete(namespace, signal);

      for (const username of ["reader", "elsewhere"]) {
        const limited = open({ port: without.port, username, password: "pass" });
        const { kind, message } = await failureOf(limited.replace(namespace, items, signal));
        expect(kind).toBe("denied");
        expect(message).toContain("does not permit this user what is needed (NOPERM");
      }
    });
  },
  { owned: true },
);

describeWithServer(
  "redis",
  "TLS to redis",
  () => {
    const open = useStores();
    let server: TestServer;
    let plain: TestServer;
    const fast = { connect_timeout: 1000, send_timeout: 500, read_timeout: 500 };

    beforeAll(async () => {
      [server, plain] = await Promise.all([
        startServer("redis", { tls: true, password: secret }),
        startServer("redis"),
      ]);
    }, 30_000);
    afterAll(() => Promise.all([server.stop(), plain.stop()]));
    afterEach(() => vi.restoreAllMocks());

    /** NODE_EXTRA_CA_CERTS is read when a process starts; this does to one test what it does to a process. */
    function trust(file: string): void {
      const create = tls.createSecureContext;
      vi.spyOn(tls, "createSecureContext").mockImplementation((options) =>
        create({ ...options, ca: readFileSync(file) }),
      );
    }

    const tlsTo = (options: object) =>
      open({ port: server.port, ssl: true, password: secret, ...fast, ...options });

    describe("with the right authority", () => {
      beforeEach(() => trust(certificates.ca));

      it.each([{}, { host: "localhost" }, { server_name: "redis.test" }])(
        "is verified (%j)",
        async (options) => {
          const store = tlsTo(options);
          await store.replace(namespace, items, signal);
          expect(await idsFound(store)).toEqual(["near", "across", "opposite"]);
        },
      );

      it("is refused under another name", async () => {
        const { kind, message } = await failureOf(
          tlsTo({ server_name: "elsewhere.test" }).has(namespace, signal),
        );
        expect(kind).toBe("denied");
        expect(message).toMatch(/certificate for another name: set server_name.*elsewhere\.test/);
      });
    });

    it("is refused with another authority, or none", async () => {
      const none = await failureOf(tlsTo({}).has(namespace, signal));
      trust(certificates.otherCa);
      const other = await failureOf(tlsTo({}).has(namespace, signal));
      for (const { kind, message } of [none, other]) {
        expect(kind).toBe("denied");
        expect(message).toMatch(/certificate that is not trusted.*NODE_EXTRA_CA_CERTS.*ssl_verify/);
      }
    });

    it("is not checked where that is not wanted", async () => {
      const store = tlsTo({ ssl_verify: false, server_name: "elsewhere.test" });
      expect(await store.has({ owner: "none", version: "1" }, signal)).toBe(false);
    });

    it("says that a server may speak no TLS: it waits for the end of a line that never comes", async () => {
      const { kind, message } = await failureOf(
        open({ port: plain.port, ssl: true, ...fast }).has(namespace, signal),
      );
      expect(kind).toBe("unreachable");
      expect(message).toMatch(/within 1000 ms \(connect_timeout\); does this port speak TLS \(ssl\)\?/);
    });

    it("says that a server may want TLS", async () => {
      const { kind, message } = await failureOf(open({ port: server.port, ...fast }).has(namespace, signal));
      expect(kind).toBe("unreachable");
      expect(message).toMatch(/if its port speaks TLS, set ssl/);
    });
  },
  { owned: true },
);
