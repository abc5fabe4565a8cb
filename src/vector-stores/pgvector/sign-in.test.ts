import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { freePort } from "../../../test/support/free-port.ts";
import {
  certificates,
  describeWithServer,
  startServer,
  type TestServer,
} from "../../../test/support/servers.ts";
import { systemSchedule } from "../../util/schedule.ts";
import { failure, item, signal } from "../contract/bench.contract.ts";
import { pgvector } from "../pgvector.ts";
import { pgvectorOptions } from "../pgvector-options.ts";
import type { VectorStore } from "../vector-store.ts";
import { type StoreOptions, usePgvector } from "./bench.contract.ts";

const namespace = { owner: "o", version: "v" };
const password = "geheim-4711";

/** As NODE_EXTRA_CA_CERTS does, which is read when a process starts. */
function trust(authority: string): void {
  const connect = tls.connect.bind(tls);
  const ca = readFileSync(authority);
  vi.spyOn(tls, "connect").mockImplementation(((options: tls.ConnectionOptions) =>
    connect({ ...options, ca })) as typeof tls.connect);
}
afterEach(() => void vi.restoreAllMocks());

async function expectToWork(store: VectorStore): Promise<void> {
  await store.replace(namespace, [item("1", 1, 0)], signal);
  expect(await store.has(namespace, signal)).toBe(true);
}

describeWithServer(
  "postgres",
  "signing in to pgvector",
  () => {
    describe("at a server that asks for a password and speaks no TLS", () => {
      let server: TestServer;
      beforeAll(async () => {
        server = await startServer("postgres", { password });
      });
      afterAll(() => server.stop());
      const bench = usePgvector(() => server);
      const denied = async (options: StoreOptions) => {
        const { message } = await failure("denied", bench.open(options).has(namespace, signal));
        expect(message).not.toContain(password);
        expect(message).toContain(`pgvector at 127.0.0.1:${server.port}/kong-pgvector: `);
        return message;
      };

      it("works with the right one", () => expectToWork(bench.open({ password })));

      it("says which settings are wrong with another one, or for another user", async () => {
        expect(await denied({ password: "wrong-secret" })).not.toContain("wrong-secret");
        expect(await denied({ password, user: "nobody" })).toContain(
          "vectordb.pgvector.user and vectordb.pgvector.password",
        );
      });

      it("says which setting is missing without one, whatever the environment holds", async () => {
        vi.stubEnv("PGPASSWORD", password);
        expect(await denied({})).toContain("set vectordb.pgvector.password");
        vi.unstubAllEnvs();
      });

      it("goes on without TLS where it is not required", async () => {
        await expectToWork(bench.open({ password, ssl: true }));
        expect(await bench.countConnections()).toBe(1);
      });

      it("does not go on without TLS where it is required", async () => {
        const store = bench.open({ password, ssl: true, ssl_required: true });
        const { message } = await failure("unfit", store.has(namespace, signal));
        expect(message).toContain("the server does not encrypt");
      });
    });

    describe("at a server that insists on TLS 1.2", () => {
      let server: TestServer;
      beforeAll(async () => {
        server = await startServer("postgres", {
          password,
          tls: true,
          args: ["-c", "ssl_max_protocol_version=TLSv1.2", "-c", "listen_addresses=127.0.0.1,127.0.0.2"],
        });
      });
      afterAll(() => server.stop());
      const bench = usePgvector(() => server);
      const open = (options: StoreOptions = {}) => bench.open({ password, ssl: true, ...options });
      const denied = async (store: VectorStore) =>
        (await failure("denied", store.has(namespace, signal))).message;

      it("works when its authority is trusted", async () => {
        trust(certificates.ca);
        await expectToWork(open({ ssl_required: true }));
        await expectToWork(open({ host: "localhost" }));
      });

      it("refuses a certificate of an authority that is not trusted", async () => {
        expect(await denied(open())).toContain("NODE_EXTRA_CA_CERTS");
        trust(certificates.otherCa);
        expect(await denied(open())).toContain("not trusted");
      });

      it("refuses a certificate for another name", async () => {
        trust(certificates.ca);
        expect(await denied(open({ host: "127.0.0.2" }))).toContain(
          "set vectordb.pgvector.host to a name that the server's certificate has",
        );
      });

      it("takes any certificate when told to", async () => {
        await expectToWork(open({ ssl_verify: false }));
        await expectToWork(open({ ssl_verify: false, ssl_version: "any" }));
      });

      it("refuses a version of TLS that is too old", async () => {
        expect(await denied(open({ ssl_verify: false, ssl_version: "tlsv1_3" }))).toContain(
          "vectordb.pgvector.ssl_version",
        );
      });

      it("says that TLS is wanted to whom comes without", async () => {
        expect(await denied(open({ ssl: false }))).toContain("set vectordb.pgvector.ssl to true");
      });

      it("lets go of an aborted call in the middle of a handshake, and of idle connections", async () => {
        const store = open({ ssl_verify: false });
        await Promise.all(
          Array.from({ length: 5 }, async (_, n) => {
            const controller = new AbortController();
            const call = store.has(namespace, controller.signal);
            for (let i = 0; i < n * 3; i++) await new Promise((resolve) => setImmediate(resolve));
            controller.abort();
            await call.catch((error) => expect(error).toHaveProperty("kind", "aborted"));
          }),
        );
        expect(await store.has(namespace, signal)).toBeTypeOf("boolean");
      });
    });

    describe("at a server that asks for a client's certificate", () => {
      let server: TestServer;
      let folder: string;
      beforeAll(async () => {
        server = await startServer("postgres", { password, clientCertificates: true });
        folder = mkdtempSync(join(tmpdir(), "sluice-client-"));
      });
      afterAll(async () => {
        rmSync(folder, { recursive: true });
        await server.stop();
      });
      const bench = usePgvector(() => server);
      const client = { ssl_cert: certificates.clientCertificate, ssl_cert_key: certificates.clientKey };
      const open = (options: StoreOptions = {}) =>
        bench.open({ password, ssl: true, ssl_verify: false, ssl_version: "tlsv1_3", ...options });

      it("works with one", () => expectToWork(open(client)));

      it("says which settings are missing without one", async () => {
        const { message } = await failure("denied", open().has(namespace, signal));
        expect(message).toContain("vectordb.pgvector.ssl_cert");
      });

      it("reads the files anew for each connection, and says which one is gone", async () => {
        const [ssl_cert, ssl_cert_key] = [join(folder, "a.crt"), join(folder, "a.key")];
        copyFileSync(certificates.clientCertificate, ssl_cert);
        copyFileSync(certificates.clientKey, ssl_cert_key);
        const store = open({ ssl_cert, ssl_cert_key });
        await expectToWork(store);
        rmSync(ssl_cert_key);
        await server.restart();
        const { message } = await failure("denied", store.has(namespace, signal));
        expect(message).toContain(`vectordb.pgvector.ssl_cert_key "${ssl_cert_key}" cannot be read (ENOENT)`);
      });
    });

    it("says when nobody listens, or nobody of that name", async () => {
      const port = await freePort();
      const options = { host: "127.0.0.1", port };
      const create = (pgvectorBlock: StoreOptions) =>
        pgvector.create(
          { strategy: "pgvector", pgvector: pgvectorOptions.parse(pgvectorBlock) },
          { schedule: systemSchedule },
        );
      const refused = await failure("unreachable", create(options).has(namespace, signal));
      expect(refused.message).toContain(`nothing listens on port ${port} of 127.0.0.1`);
      const local = await failure("unreachable", create({ host: "localhost", port }).has(namespace, signal));
      expect(local.message).toContain("ECONNREFUSED");
      const unknown = await failure(
        "unreachable",
        create({ host: "no.such.host.invalid" }).has(namespace, signal),
      );
      expect(unknown.message).toContain("vectordb.pgvector.host does not resolve");
    });
  },
  { owned: true },
);

describe("the files of a client's certificate", () => {
  const create = (ssl_cert: string, ssl_cert_key: string) => () =>
    pgvector.create(
      { strategy: "pgvector", pgvector: pgvectorOptions.parse({ ssl: true, ssl_cert, ssl_cert_key }) },
      { schedule: systemSchedule },
    );

  it("are looked at when the config is loaded", () => {
    expect(create("/no/such.crt", certificates.clientKey)).toThrow(
      'vectordb.pgvector.ssl_cert "/no/such.crt" cannot be read (ENOENT)',
    );
    expect(create(certificates.clientCertificate, tmpdir())).toThrow(
      `vectordb.pgvector.ssl_cert_key "${tmpdir()}" cannot be read (EISDIR)`,
    );
    expect(create(certificates.clientCertificate, certificates.serverKey)).toThrow(
      /ssl_cert ".*client\.crt" and ssl_cert_key do not work together/,
    );
    expect(create(certificates.clientCertificate, certificates.clientKey)).not.toThrow();
  });
});
