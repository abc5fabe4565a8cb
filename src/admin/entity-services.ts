/** What every page about entities works with. */
import type { ChangeContext } from "../control/change.ts";
import type { Asker, ControlPlane } from "../control/control-plane.ts";
import type { EntityRecord } from "../control/entity-set.ts";
import type { Kind } from "../control/kinds.ts";
import { type Covers, covered } from "../control/secrets.ts";
import type { Reply } from "../http/reply.ts";
import { type AdminAccess, actorOf, seesSecrets } from "./access.ts";
import { jsonReply } from "./pages.ts";
import type { AdminRequest } from "./request.ts";

export interface EntityServices {
  readonly control: ControlPlane;
  readonly access: AdminAccess;
  readonly covers: Covers;
  /** All but the time, which is that of the change. */
  readonly context: Omit<ChangeContext, "now">;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
}

/** An entity as this client may see it. */
export function shower(
  request: AdminRequest,
  kind: Kind,
  { access, context, covers }: EntityServices,
): (record: EntityRecord) => Readonly<Record<string, unknown>> {
  return seesSecrets(request, access)
    ? (record) => record
    : (record) => covered(kind, record, context.plugins, covers);
}

/** Who asks for a change. */
export function asker(request: AdminRequest, { access }: EntityServices): Asker {
  const { method, path } = request.exchange.request;
  return { actor: actorOf(request, access), source: `${method} ${path}` };
}

export function contextOf({ context, wallClock }: EntityServices): ChangeContext {
  return { ...context, now: Math.floor(wallClock() / 1000) };
}

export function notAllowed(allowed: string): Reply {
  const reply = jsonReply(405, { message: "Method not allowed" });
  reply.headers["allow"] = allowed;
  return reply;
}
