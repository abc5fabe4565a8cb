#!/usr/bin/env node
/** Runs one real server in the foreground, for trying the examples where there is no container engine. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { endingWithUs, prepareServer, urlOf } from "./commands.mjs";
import { install, installed, serverNames } from "./installed.mjs";

const usage = `usage: node test/servers/run.mjs NAME [--port PORT] [--password PASSWORD]

Runs a server on 127.0.0.1 until Ctrl-C; its data goes with it. Brings it first, if it is not there (Debian, ten seconds).

  redis-stack   Redis Stack 7.4: the query engine, FT.SEARCH   port 6379
  redis         Redis 8: vector sets, VADD and VSIM            port 6379
  valkey        Valkey 8: no vectors                           port 6379
  postgres      PostgreSQL 17 with pgvector, database kong-pgvector, user postgres   port 5432

  --port PORT           another port
  --password PASSWORD   asked of clients; none unless given
  --help                this text
`;

class UserError extends Error {}

async function main() {
  const { name, port, password } = readArguments();
  if (name === undefined) return void process.stdout.write(usage);
  await requireFree(port);
  const found = await find(name);
  const folder = mkdtempSync(join(tmpdir(), `sluice-${name}-`));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const settings = { name, installed: found, folder, port, password };
  const { file, args, options } = endingWithUs(await prepareServer(settings));
  const child = spawn(file, args, { ...options, stdio: ["ignore", "inherit", "inherit"] });
  // A terminal sends Ctrl-C to the server as well; PostgreSQL would wait for its clients at SIGTERM.
  const end = () => child.kill(name === "postgres" ? "SIGINT" : "SIGTERM");
  let isAskedToEnd = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => {
      isAskedToEnd = true;
      end();
    });
  process.on("exit", () => child.kill("SIGKILL"));
  const ended = once(child, "exit");
  await Promise.race([ended, listening(port)]);
  if (child.exitCode === null)
    process.stdout.write(`\n${name} ${found.version} at ${urlOf(settings)}; Ctrl-C ends it\n\n`);
  const [code] = await ended;
  if (!isAskedToEnd)
    throw new UserError(`${name} ended by itself (${code ?? child.signalCode}); it wrote why above`);
}

function readArguments() {
  const { values, positionals } = parseCommandLine();
  if (values.help) return {};
  const [name, ...more] = positionals;
  if (name === undefined || more.length > 0) throw new UserError(`give one server's name\n\n${usage}`);
  if (!serverNames.includes(name))
    throw new UserError(`there is no server "${name}"; there are ${serverNames.join(", ")}`);
  const port = Number(values.port ?? (name === "postgres" ? 5432 : 6379));
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new UserError(`--port must be a number from 1 to 65535, not "${values.port}"`);
  return { name, port, password: values.password };
}

function parseCommandLine() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        port: { type: "string" },
        password: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new UserError(`${error.message}\n\n${usage}`, { cause: error });
  }
}

async function requireFree(port) {
  const probe = createServer();
  try {
    probe.listen(port, "127.0.0.1");
    await once(probe, "listening");
  } catch (error) {
    if (error.code === "EADDRINUSE")
      throw new UserError(`port ${port} of 127.0.0.1 is taken; give another with --port`);
    throw new UserError(`port ${port} of 127.0.0.1 cannot be had (${error.code}); give another with --port`, {
      cause: error,
    });
  } finally {
    probe.close();
  }
}

async function find(name) {
  let found = installed(name);
  if (found.unavailable) {
    process.stdout.write("bringing the servers, once: ten seconds or so …\n");
    await install().catch((error) => {
      throw new UserError(error.message, { cause: error });
    });
    found = installed(name);
  }
  if (found.unavailable) throw new UserError(`${name} is not to be had here: ${found.unavailable}`);
  return found;
}

/** Resolves when the port takes connections. */
async function listening(port) {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      socket.destroy();
    }
  }
}

main().then(
  () => process.exit(0),
  (error) => {
    process.stderr.write(`${error instanceof UserError ? error.message : error.stack}\n`);
    process.exit(1);
  },
);
