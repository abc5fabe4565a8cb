/** A gateway without a config file: it serves what its admin API has been told. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { announced, type Command, Running, spawnCommand } from "./sluice-process.ts";

export interface AdminGateway {
  /** Where clients call. */
  readonly proxy: string;
  /** Where the admin API is. */
  readonly admin: string;
  /** Ends it and removes what it kept. */
  stop(): Promise<void>;
}

/** Starts `sluice start` as a user does who keeps the entities in its own database; on free ports, in a new folder. */
export async function startAdminGateway(
  command: Command,
  args: readonly string[] = [],
): Promise<AdminGateway> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-admin-"));
  const listeners = [
    "--proxy-listen",
    "127.0.0.1:0",
    "--admin-listen",
    "127.0.0.1:0",
    "--status-listen",
    "off",
  ];
  const line = ["start", "--prefix", folder, ...listeners, ...args];
  const running = new Running(spawnCommand(command, line, { cwd: folder }));
  const stop = async () => {
    running.child.kill("SIGKILL");
    await running.finished;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const { proxy, admin } = (await announced(running)).addresses;
    if (admin === undefined) throw new Error("the ready line names no admin listener");
    return { proxy, admin, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What one of the admin API's lists has. */
export async function listed(
  { admin }: AdminGateway,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const answer = await request(`${admin}/${path}`, { headers });
  const body = (await answer.body.json()) as { readonly data?: readonly Readonly<Record<string, unknown>>[] };
  if (answer.statusCode !== 200 || body.data === undefined)
    throw new Error(`GET /${path}: ${answer.statusCode} ${JSON.stringify(body)}`);
  return body.data;
}

/** Those that others refer to last. */
const lists = [
  "plugins",
  "routes",
  "services",
  "consumers",
  "consumer_groups",
  "upstreams",
  "vaults",
  "partials",
];

/** Deletes all entities there are, whatever an earlier test left. */
export async function emptied(gateway: AdminGateway): Promise<void> {
  for (const list of lists) {
    for (const { id } of await listed(gateway, `${list}?size=1000`)) {
      const answer = await request(`${gateway.admin}/${list}/${id}`, { method: "DELETE" });
      await answer.body.dump();
      if (answer.statusCode !== 204) throw new Error(`DELETE /${list}/${id}: ${answer.statusCode}`);
    }
  }
}
