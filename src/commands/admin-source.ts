/** The admin API of a gateway process: what is the same with and without workers. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import type { AdminSource } from "../admin/admin.ts";
import { type Covers, createCovers } from "../control/secrets.ts";
import { plugins } from "../plugins/index.ts";
import { version } from "../util/version.ts";
import type { ProcessSettings } from "./settings.ts";
import type { Terminal } from "./terminal.ts";

type Own = Pick<AdminSource, "control" | "describe" | "reload" | "explain" | "nodeId" | "upstreams">;

export function adminSource(
  own: Own,
  settings: Pick<ProcessSettings, "adminSecrets" | "adminToken">,
  covers: Covers,
  env: Terminal["env"],
): AdminSource {
  return {
    ...own,
    version: version(),
    pid: process.pid,
    access: { token: settings.adminToken, secrets: settings.adminSecrets },
    covers,
    plugins,
    env,
    newId: () => randomUUID(),
    newSecret: () => randomBytes(24).toString("base64url"),
    wallClock: () => Date.now(),
  };
}

/** Gateways with one token know each other's covers; without one, each knows its own, until it ends. */
export function coversFor({ adminToken }: Pick<ProcessSettings, "adminToken">): Covers {
  if (adminToken === undefined) return createCovers(randomBytes(32));
  return createCovers(createHash("sha256").update(`covers ${adminToken}`).digest());
}
