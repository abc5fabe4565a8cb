import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { afterEach, expect, it } from "vitest";
import {
  askPostgres,
  askRedis,
  database,
  describeWithServer,
  type ServerName,
  startCluster,
  startSentinels,
  startServer,
} from "./servers.ts";

const redisLike = ["redis", "redis-stack", "valkey"] as const satisfies readonly ServerName[];
const owned = { owned: true };

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});
/** Stops it after the test. */
function use<T extends { stop(): Promise<void> }>(thing: T): T {
  stops.push(() => thing.stop());
  return thing;
}

for (const name of redisLike) {
  describeWithServer(
    name,
    `a ${name} of a test's own`,
    () => {
      it("keeps what it has answered over SIGKILL, unless it is to start empty", async () => {
        const server = use(await startServer(name));
        await askRedis(server.url, ["SET", "key", "value"]);
        await server.kill();
        await expect(askRedis(server.url, ["GET", "key"])).rejects.toThrow();
        await server.restart();
        expect(await askRedis(server.url, ["GET", "key"])).toEqual(["value"]);
        await server.restart({ empty: true });
        expect(await askRedis(server.url, ["GET", "key"])).toEqual([null]);
      });

      it("asks for the password", async () => {
        const server = use(await startServer(name, { password: 'p "w\\' }));
        expect(await askRedis(server.url, ["PING"])).toEqual(["PONG"]);
        await expect(askRedis(`redis://127.0.0.1:${server.port}`, ["PING"])).rejects.toThrow("NOAUTH");
      });

      it("knows only its own user", async () => {
        const server = use(await startServer(name, { user: "someone", password: "secret" }));
        expect(await askRedis(server.url, ["ACL", "WHOAMI"])).toEqual(["someone"]);
        const asDefault = `redis://:secret@127.0.0.1:${server.port}`;
        await expect(askRedis(asDefault, ["PING"])).rejects.toThrow("WRONGPASS");
      });

      it("serves TLS, and nothing else", async () => {
        const server = use(await startServer(name, { tls: true, password: "secret" }));
        expect(server.url).toMatch(/^rediss:/);
        expect(await askRedis(server.url, ["PING"])).toEqual(["PONG"]);
        await expect(askRedis(server.url.replace("rediss:", "redis:"), ["PING"])).rejects.toThrow();
      });
    },
    owned,
  );
}

describeWithServer(
  "redis-stack",
  "Redis Stack of a test's own",
  () => {
    it("has the query engine, whose indexes outlive SIGKILL", async () => {
      const server = use(await startServer("redis-stack"));
      const vector = [
        "vector",
        "VECTOR",
        "FLAT",
        "6",
        "TYPE",
        "FLOAT32",
        "DIM",
        "2",
        "DISTANCE_METRIC",
        "COSINE",
      ];
      await askRedis(server.url, ["FT.CREATE", "index", "SCHEMA", ...vector]);
      await server.restart();
      expect(await askRedis(server.url, ["FT._LIST"])).toEqual([["index"]]);
    });
  },
  owned,
);

describeWithServer(
  ["redis", "valkey"],
  "Redis 8 and Valkey of a test's own",
  () => {
    it("differ in vector sets: they outlive SIGKILL in one, the other has none", async () => {
      const redis = use(await startServer("redis"));
      const valkey = use(await startServer("valkey"));
      const add = ["VADD", "set", "VALUES", "2", "1", "0", "element", "NOQUANT"];
      await askRedis(redis.url, add);
      await redis.restart();
      expect(await askRedis(redis.url, ["VCARD", "set"])).toEqual([1]);
      await expect(askRedis(valkey.url, add)).rejects.toThrow("unknown command");
      expect([redis.version, valkey.version]).toEqual([
        expect.stringMatching(/^8\.\d+\.\d+$/),
        expect.stringMatching(/^8\.\d+\.\d+$/),
      ]);
    });
  },
  owned,
);

describeWithServer(
  "postgres",
  "a PostgreSQL of a test's own",
  () => {
    const rowCount = "select count(*)::int as count from t";

    it("has the database and pgvector's files, and keeps its data over SIGKILL unless it is to start empty", async () => {
      const server = use(await startServer("postgres"));
      const [before] = await askPostgres(
        server,
        "select current_database() as name, to_regtype('vector') as type",
      );
      expect(before).toEqual({ name: database, type: null });
      await askPostgres(server, "create extension vector; create table t as select '[1,2]'::vector as v");
      await server.kill();
      await expect(askPostgres(server, rowCount)).rejects.toThrow("ECONNREFUSED");
      await server.restart();
      expect(await askPostgres(server, rowCount)).toEqual([{ count: 1 }]);
      await server.restart({ empty: true });
      await expect(askPostgres(server, rowCount)).rejects.toThrow('relation "t" does not exist');
    });

    it("stops in every one of its processes when frozen, and goes on when thawed", async () => {
      const server = use(await startServer("postgres"));
      const client = new Client(server.url);
      await client.connect();
      const pending: string[] = [];
      server.freeze();
      const answer = client.query("select 1").then(() => pending.push("answered"));
      await expect(askPostgres({ url: server.url, timeoutMs: 300 }, "select 1")).rejects.toThrow(/timeout/);
      expect(pending).toEqual([]);
      server.thaw();
      await answer;
      expect(await askPostgres(server, "select 1 as one")).toEqual([{ one: 1 }]);
      await client.end();
    });

    it("asks for the password and for a client's certificate", async () => {
      const options = { password: "p@ss word", clientCertificates: true };
      const server = use(await startServer("postgres", options));
      const access = { ...options, url: server.url };
      expect(await askPostgres(access, "select ssl from pg_stat_ssl where pid = pg_backend_pid()")).toEqual([
        { ssl: true },
      ]);
      await expect(askPostgres({ url: server.url, tls: true }, "select 1")).rejects.toThrow(/certificate/);
      await expect(askPostgres({ url: server.url }, "select 1")).rejects.toThrow(/no encryption/);
      const wrong = { ...access, url: server.url.replace("p%40ss", "pass") };
      await expect(askPostgres(wrong, "select 1")).rejects.toThrow(/password authentication failed/);
    });

    it("takes plain connections beside TLS when that is optional", async () => {
      const server = use(await startServer("postgres", { tls: "optional" }));
      const encrypted = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
      expect(await askPostgres({ url: server.url }, encrypted)).toEqual([{ ssl: false }]);
      expect(await askPostgres({ url: server.url, tls: true }, encrypted)).toEqual([{ ssl: true }]);
    });
  },
  owned,
);

describeWithServer(
  "redis",
  "a server of a test's own",
  () => {
    it("answers nothing while frozen, though it takes connections, and all of it when thawed", async () => {
      const server = use(await startServer("redis"));
      const socket = connect(server.port, server.host);
      let heard = "";
      socket.on("data", (bytes) => {
        heard += bytes;
      });
      server.freeze();
      await once(socket, "connect");
      socket.write("PING\r\n");
      await expect(askRedis({ url: server.url, timeoutMs: 300 }, ["PING"])).rejects.toThrow("no answer");
      expect(heard).toBe("");
      server.thaw();
      await expect.poll(() => heard).toBe("+PONG\r\n");
      socket.destroy();
    });

    it("is killed and stopped though it is frozen", async () => {
      const server = use(await startServer("redis"));
      server.freeze();
      await server.stop();
      await expect(askRedis(server.url, ["PING"])).rejects.toThrow("ECONNREFUSED");
    });

    it("says goodbye when shut down", async () => {
      const server = use(await startServer("redis"));
      await server.shutDown();
      expect(server.log()).toContain("ready to exit");
    });

    it("says why it could not be started", async () => {
      const wrong = startServer("redis", { args: ["--no-such-setting", "1"] });
      await expect(wrong).rejects.toThrow(/redis ended at once:[\s\S]*no-such-setting/);
    });

    it("is not taken for another one that has its port already", async () => {
      const first = use(await startServer("redis"));
      await expect(startServer("redis", { port: first.port })).rejects.toThrow(/address already in use/i);
      expect(await askRedis(first.url, ["PING"])).toEqual(["PONG"]);
    });

    it("leaves neither a process nor a folder behind", async () => {
      const server = use(await startServer("redis"));
      const [answer] = await askRedis(server.url, ["CONFIG", "GET", "dir"]);
      const { dir } = answer as { dir: string };
      expect(existsSync(dir)).toBe(true);
      await server.stop();
      expect(existsSync(dir)).toBe(false);
    });

    it("ends when the process that started it is killed", async () => {
      const commands = fileURLToPath(new URL("../servers/commands.mjs", import.meta.url));
      const program = `
        import { spawn } from "node:child_process";
        import { endingWithUs } from ${JSON.stringify(commands)};
        const { file, args } = endingWithUs({ file: "/bin/sleep", args: ["600"], options: {} });
        console.log(spawn(file, args).pid);
        setInterval(() => {}, 1000);`;
      const parent = spawn(process.execPath, ["--input-type=module", "-e", program]);
      const [printed] = await once(parent.stdout, "data");
      const child = Number(printed);
      expect(isRunning(child)).toBe(true);
      parent.kill("SIGKILL");
      await expect.poll(() => isRunning(child)).toBe(false);
    });
  },
  owned,
);

function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

describeWithServer(
  "redis",
  "sentinels of a test's own",
  () => {
    it("agree on the replica soon after the master is killed", async () => {
      const sentinels = use(await startSentinels());
      expect(await sentinels.currentMaster()).toBe(sentinels.master.port);
      await askRedis(sentinels.master.url, ["SET", "key", "value"], ["WAIT", "1", "1000"]);
      await sentinels.master.kill();
      await expect.poll(() => sentinels.currentMaster()).toBe(sentinels.replica.port);
      expect(await askRedis(sentinels.replica.url, ["GET", "key"])).toEqual(["value"]);
    });

    it("ask for their own password, and use the master's user", async () => {
      const options = { user: "someone", password: "p w", sentinelPassword: "other" };
      const sentinels = use(await startSentinels(options));
      const [first] = sentinels.sentinels;
      const command = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", sentinels.masterName];
      await expect(askRedis(`redis://127.0.0.1:${first?.port}`, command)).rejects.toThrow("NOAUTH");
      expect(await askRedis(`redis://:other@127.0.0.1:${first?.port}`, command)).toEqual([
        ["127.0.0.1", String(sentinels.master.port)],
      ]);
    });
  },
  owned,
);

describeWithServer(
  "redis",
  "a cluster of a test's own",
  () => {
    it("has all slots on three nodes, and is whole again after one was restarted", async () => {
      const { nodes } = use(await startCluster());
      const [first, second] = nodes;
      if (!first || !second) throw new Error("there are no nodes");
      // The slot of "foo" is 12182, of the last third.
      await expect(askRedis(first.url, ["SET", "foo", "1"])).rejects.toThrow(
        `MOVED 12182 127.0.0.1:${nodes[2]?.port}`,
      );
      await second.restart();
      const isWhole = async () => String((await askRedis(second.url, ["CLUSTER", "INFO"]))[0]);
      await expect.poll(isWhole).toContain("cluster_state:ok");
    });
  },
  owned,
);

describeWithServer(
  "redis",
  "a server of the environment",
  () => {
    it("is used where none is installed, and cannot be stopped or asked for options", async () => {
      const theirs = use(await startServer("redis"));
      const env = { SLUICE_SERVERS_DIR: "/nonexistent", SLUICE_TEST_REDIS_URL: theirs.url };
      const server = use(await startServer("redis", {}, env));
      expect(server).toMatchObject({
        url: theirs.url,
        port: theirs.port,
        version: theirs.version,
        isOwned: false,
      });
      expect(() => server.freeze()).toThrow("not ours");
      await expect(startServer("redis", { password: "x" }, env)).rejects.toThrow(
        "there is no redis to start",
      );
    });
  },
  owned,
);
