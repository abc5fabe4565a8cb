/** The TypeScript peer from the registry, as its own documentation starts it. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../test/support/free-port.ts";
import { startChild } from "./child.ts";
import { type Side, type SideContext, usualPromptCount } from "./side.ts";

/** `home`: the folder with the peer's package.json and lockfile; it is installed there on first use. */
export async function startPortkey(
  { upstreamPort, folder, pinning }: SideContext,
  home: string,
): Promise<Side> {
  const entry = join(home, "node_modules/@portkey-ai/gateway/build/start-server.js");
  if (!existsSync(entry)) {
    process.stderr.write("installing the peer gateway (npm ci) …\n");
    execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: home,
      stdio: ["ignore", "ignore", "inherit"],
    });
  }
  const own = join(folder, "portkey");
  mkdirSync(own, { recursive: true });
  const port = await freePort();
  const child = await startChild({
    name: "Portkey",
    command: process.execPath,
    args: [entry, "--headless", `--port=${port}`],
    cores: pinning && [pinning.proxyCore],
    port,
    output: join(own, "stdout.log"),
    errors: join(own, "stderr.log"),
    cwd: own,
  });
  return {
    name: `Portkey ${versionOf(home)}`,
    port,
    headers: {
      "x-portkey-provider": "openai",
      "x-portkey-custom-host": `http://127.0.0.1:${upstreamPort}/v1`,
    },
    pids: [child.pid],
    promptCount: usualPromptCount,
    stop: child.stop,
  };
}

function versionOf(home: string): string {
  const manifest = join(home, "node_modules/@portkey-ai/gateway/package.json");
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string }; // a package has one
  return version;
}
