/** How each server is started: the files it needs in its folder, and its command line. Plain JavaScript, for run.mjs. */
import { execFile } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The database that is made in PostgreSQL: the default of the published schema. */
export const database = "kong-pgvector";

const certificate = (name) => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));
export const certificates = {
  ca: certificate("ca.crt"),
  otherCa: certificate("other-ca.crt"),
  serverCertificate: certificate("server.crt"),
  serverKey: certificate("server.key"),
  clientCertificate: certificate("client.crt"),
  clientKey: certificate("client.key"),
};

const isRoot = process.getuid?.() === 0;
/** PostgreSQL refuses to run as root; nobody and nogroup of Debian. */
const unprivileged = isRoot ? { uid: 65534, gid: 65534 } : {};

/** Prepares `folder` where that is still to be done, and returns the command that starts the server there. */
export async function prepareServer(options) {
  return options.name === "postgres" ? preparePostgres(options) : prepareRedis(options);
}

const setpriv = "/usr/bin/setpriv";

/**
 * The same command, which the kernel ends with this process, however that ends (PR_SET_PDEATHSIG, by setpriv of
 * util-linux). Where there is no setpriv the command stays as it is.
 */
export function endingWithUs({ file, args, options }) {
  if (!existsSync(setpriv)) return { file, args, options };
  return { file: setpriv, args: ["--pdeathsig", "KILL", "--", file, ...args], options };
}

/** Removes the data, and nothing else, of a server that is not running. */
export function emptyServer({ folder }) {
  rmSync(join(folder, "data"), { recursive: true, force: true });
}

function prepareRedis({ name, installed, folder, port, password, user, tls, args = [] }) {
  const data = join(folder, "data");
  mkdirSync(data, { recursive: true });
  const lines = [
    "bind 127.0.0.1",
    `dir ${quoted(data)}`,
    // Written before each answer, so that SIGKILL loses nothing; synced never, since the machine does not crash.
    "appendonly yes",
    "appendfsync no",
    'save ""',
    ...(tls
      ? [
          "port 0",
          `tls-port ${port}`,
          `tls-cert-file ${quoted(certificates.serverCertificate)}`,
          `tls-key-file ${quoted(certificates.serverKey)}`,
          `tls-ca-cert-file ${quoted(certificates.ca)}`,
          "tls-auth-clients no",
          "tls-replication yes",
        ]
      : [`port ${port}`]),
    ...redisUsers(user, password),
    ...(name === "redis-stack"
      ? [`loadmodule ${quoted(join(installed.root, "modules", "redisearch.so"))}`]
      : []),
  ];
  const config = join(folder, "server.conf");
  writeFileSync(config, `${lines.join("\n")}\n`);
  return { file: installed.program, args: [config, ...args], options: { cwd: folder } };
}

/** With a user of its own, the default one is off: a client that forgets to say who it is gets nowhere. */
function redisUsers(user, password) {
  if (user === undefined) return password === undefined ? [] : [`requirepass ${quoted(password)}`];
  const secret = password === undefined ? "nopass" : quoted(`>${password}`);
  return ["user default off", `user ${user} on ${secret} ~* &* +@all`];
}

const quoted = (text) => `"${text.replaceAll(/["\\]/g, "\\$&")}"`;

async function preparePostgres(settings) {
  const { installed, folder, port, password, tls, clientCertificates, template, args = [] } = settings;
  const data = join(folder, "data");
  const options = { cwd: folder, ...unprivileged, env: { PATH: process.env.PATH, LC_ALL: "C" } };
  own(folder);
  if (!existsSync(data)) await initializePostgres({ installed, data, password, options, template });
  const secure = tls || clientCertificates;
  const rules = accessRules({ password, tls, clientCertificates });
  writeFileSync(join(folder, "access.conf"), rules);
  if (secure) {
    // It may not be able to come where the checkout is, and its key must be its own and nobody else's.
    copyFileSync(certificates.ca, join(folder, "ca.crt"));
    copyFileSync(certificates.serverCertificate, join(folder, "server.crt"));
    copyFileSync(certificates.serverKey, join(folder, "server.key"));
    chmodSync(join(folder, "server.key"), 0o600);
    own(join(folder, "server.key"));
  }
  const parameters = {
    port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    hba_file: join(folder, "access.conf"),
    // The compiler of queries is left out of the installation; and the machine does not crash.
    jit: "off",
    fsync: "off",
    ...(secure
      ? {
          ssl: "on",
          ssl_cert_file: join(folder, "server.crt"),
          ssl_key_file: join(folder, "server.key"),
          ssl_ca_file: join(folder, "ca.crt"),
        }
      : {}),
  };
  const flags = Object.entries(parameters).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
  return { file: installed.program, args: ["-D", data, ...flags, ...args], options };
}

/** `tls`: true refuses plain connections, "optional" does not. A client's certificate must name the user it signs in as. */
function accessRules({ password, tls, clientCertificates }) {
  const kind = tls === true || clientCertificates ? "hostssl" : "host";
  const method = password === undefined ? "trust" : "scram-sha-256";
  return `${kind} all all 127.0.0.1/32 ${method}${clientCertificates ? " clientcert=verify-full" : ""}\n`;
}

/**
 * A copy of what initdb makes, which takes a tenth of its time; the first process of a test run that needs it makes it in
 * `template`. Without such a folder it is made in place.
 */
async function initializePostgres({ installed, data, password, options, template }) {
  if (template === undefined) await makeData(installed, data, options);
  else {
    if (!existsSync(template)) await makeTemplate(installed, template, options);
    await run("/bin/cp", ["-R", template, data], options);
  }
  if (password !== undefined) {
    const role = `ALTER ROLE postgres PASSWORD '${password.replaceAll("'", "''")}'\n`;
    await single(installed, data, role, options);
  }
}

/** Where two make it at once, the one that is later throws its own away. */
async function makeTemplate(installed, template, options) {
  const folder = mkdtempSync(`${template}-`);
  own(folder);
  await makeData(installed, join(folder, "data"), options);
  try {
    renameSync(join(folder, "data"), template);
  } catch (error) {
    if (!existsSync(template)) throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function makeData(installed, data, options) {
  const flags = ["-D", data, "-U", "postgres", "--encoding=UTF8", "--no-locale", "--no-sync", "--auth=trust"];
  await run(join(dirname(installed.program), "initdb"), flags, options);
  await single(installed, data, `CREATE DATABASE "${database}"\n`, options);
}

/** Runs SQL, a statement a line, in a server that is not started for clients. */
async function single(installed, data, sql, options) {
  await run(installed.program, ["--single", "-F", "-c", "jit=off", "-D", data, "postgres"], options, sql);
}

function own(path) {
  if (isRoot) chownSync(path, unprivileged.uid, unprivileged.gid);
}

function run(file, args, options, input = "") {
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      args,
      { ...options, timeout: 60_000, killSignal: "SIGKILL" },
      (error, _out, words) => {
        if (error) reject(new Error(`${file} failed: ${words.trim() || error.message}`, { cause: error }));
        else resolve();
      },
    );
    child.stdin.on("error", () => undefined); // it may end without having read
    child.stdin.end(input);
  });
}

/** The address in the form that clients take. */
export function urlOf({ name, port, password, user, tls, host = "127.0.0.1" }) {
  const secret = password === undefined ? "" : `:${encodeURIComponent(password)}`;
  if (name === "postgres") return `postgres://postgres${secret}@${host}:${port}/${database}`;
  const account =
    user === undefined && password === undefined ? "" : `${encodeURIComponent(user ?? "")}${secret}@`;
  return `${tls ? "rediss" : "redis"}://${account}${host}:${port}`;
}
