/** The admin API without a socket: requests as a client sends them, over a control plane in memory. */
import { createHash } from "node:crypto";
import type { AdminAccess } from "../../src/admin/access.ts";
import { type AdminSource, createAdminApi } from "../../src/admin/admin.ts";
import type { RunningUpstreams } from "../../src/admin/upstream-health.ts";
import type { ControlPlane } from "../../src/control/control-plane.ts";
import { plugins } from "../../src/plugins/index.ts";
import { type ControlWorld, covers, createControl, testNow } from "./control.ts";
import { createExchange } from "./exchange.ts";

export interface AdminAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  /** The parsed text, of which the test says what it expects in it; undefined where there is none. */
  readonly body: ReturnType<typeof JSON.parse>;
}

export interface AdminCall {
  /** An object is sent as JSON, a text or bytes as they are. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Ask = (line: string, call?: AdminCall) => Promise<AdminAnswer>;

export interface AdminApi {
  /** `GET /services?size=10`. */
  readonly ask: Ask;
  readonly world: ControlWorld;
}

export interface AdminApiOptions {
  readonly access?: Partial<AdminAccess>;
  /** In place of the one over a store in memory. */
  readonly control?: ControlPlane;
  readonly env?: Readonly<Record<string, string>>;
  /** Those that run: none. */
  readonly upstreams?: Partial<RunningUpstreams>;
}

export function createAdmin({ access, control, env = {}, upstreams }: AdminApiOptions = {}): AdminApi {
  const world = createControl({ env });
  let count = 0;
  const source: AdminSource = {
    version: "0.0.0",
    nodeId: "00000000-0000-4000-8000-00000000abcd",
    pid: 1,
    control: control ?? world.control,
    access: { token: undefined, secrets: "on-request", ...access },
    covers,
    plugins,
    env,
    newId: () => scatteredId(++count),
    newSecret: () => `made-up-secret-${++count}`,
    wallClock: () => testNow * 1000,
    describe: () => ({ ready: true }),
    reload: async () => ({ ok: true, messages: [] }),
    explain: async () => ({ explanations: [], plugins: [] }),
    upstreams: { states: async () => [], mark: async () => false, ...upstreams },
  };
  const handle = createAdminApi(source, world.clock.schedule, {});
  return { world, ask: (line, call) => send(handle, line, call) };
}

/** In no order, as those of random numbers. */
function scatteredId(number: number): string {
  const digest = createHash("sha256").update(String(number)).digest("hex");
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-4${digest.slice(13, 16)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
}

async function send(
  handle: ReturnType<typeof createAdminApi>,
  line: string,
  { body, headers }: AdminCall = {},
): Promise<AdminAnswer> {
  const [method = "", target = ""] = line.split(" ");
  const [path = "", query = ""] = target.split("?");
  const reply = await handle(
    createExchange({
      method,
      path,
      query,
      body: body ?? "",
      headers: { host: "127.0.0.1:8001", ...headers },
    }),
  );
  const answered = typeof reply.body === "string" ? reply.body : "";
  return {
    status: reply.status,
    headers: reply.headers,
    text: answered,
    body: answered === "" ? undefined : JSON.parse(answered),
  };
}
