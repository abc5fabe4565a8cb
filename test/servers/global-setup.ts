/** Before all tests: brings the real servers and tools where they can be had, and says which there are. Never fails. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runFolderVariable } from "../support/server-process.ts";
import { install, installed, isUpToDate, serverNames, toolNames } from "./installed.mjs";

/** Resolves to what is to be done after all tests. */
export async function setup(): Promise<() => void> {
  if (!isUpToDate()) {
    try {
      await install({ timeoutMs: 240_000 });
    } catch (error) {
      // Tests that need a server say themselves that it is missing; in CI they fail.
      console.log(`test servers: ${error instanceof Error ? error.message : error}`);
    }
  }
  for (const name of [...serverNames, ...toolNames]) {
    const found = installed(name);
    console.log(
      "unavailable" in found ? `${name} not available: ${found.unavailable}` : `${name} ${found.version}`,
    );
  }
  return useRunFolder();
}

function useRunFolder(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "sluice-tests-"));
  chmodSync(folder, 0o755); // PostgreSQL may run as another user
  process.env[runFolderVariable] = folder;
  // Again where a server that was just killed still writes.
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}
