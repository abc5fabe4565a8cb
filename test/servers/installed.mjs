/** What install.sh and build-deck.sh brought: reads the manifest, runs install.sh. Plain JavaScript, for run.mjs needs no build. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** @type {readonly ["redis", "redis-stack", "valkey", "postgres"]} */
export const serverNames = ["redis", "redis-stack", "valkey", "postgres"];

/** Programs that are no servers. @type {readonly ["deck"]} */
export const toolNames = ["deck"];

const script = fileURLToPath(new URL("./install.sh", import.meta.url));
const cache = fileURLToPath(new URL("../../node_modules/.cache/sluice-servers", import.meta.url));

function readManifest(env) {
  const path = join(env.SLUICE_SERVERS_DIR || cache, "manifest.json");
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
}

/** Whether install.sh, as it is now, has run to its end; what it could not bring then stays away. */
export function isUpToDate(env = process.env) {
  const stamp = createHash("sha256").update(readFileSync(script)).digest("hex").slice(0, 16);
  return readManifest(env)?.stamp === stamp;
}

/** Where a server or tool is, or why it is not there. */
export function installed(name, env = process.env) {
  const entry = readManifest(env)?.servers[name];
  if (!entry) return { unavailable: "it was not installed" };
  if (entry.unavailable) return entry;
  return existsSync(entry.program) ? entry : { unavailable: `${entry.program} is gone` };
}

/** The current decK: the one that SLUICE_DECK names, or else the one that build-deck.sh built. */
export function currentDeck(env = process.env) {
  const program = env.SLUICE_DECK || join(env.SLUICE_SERVERS_DIR || cache, "deck-current", "deck");
  if (existsSync(program)) return { program };
  if (env.SLUICE_DECK) return { unavailable: `${program}, which SLUICE_DECK names, does not exist` };
  return { unavailable: "build it with test/servers/build-deck.sh, or name one in SLUICE_DECK" };
}

/**
 * Runs install.sh; what it could not bring is in the manifest and no error.
 * Throws when the script itself could not run or did not end in time; it is then ended with all it started.
 */
export async function install({ timeoutMs = 300_000, env = process.env } = {}) {
  const child = spawn("bash", [script], { env, detached: true, stdio: ["ignore", "ignore", "pipe"] });
  let words = "";
  child.stderr.on("data", (bytes) => {
    words = (words + bytes).slice(-2000);
  });
  const end = () => {
    if (child.pid && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
  };
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    end();
  }, timeoutMs);
  process.once("exit", end);
  try {
    const code = await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    if (isLate) throw new Error(`test/servers/install.sh did not end in ${timeoutMs / 1000} s`);
    if (code !== 0) throw new Error(`test/servers/install.sh ended with ${code}: ${words.trim()}`);
  } finally {
    clearTimeout(timer);
    process.removeListener("exit", end);
  }
}
