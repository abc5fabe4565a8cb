/** The one workspace there is, `default`, by which tools of Kong Enterprise ask: `/workspaces` and `/default/services`. */
import { notFound } from "../control/change.ts";
import { Refusal } from "../control/refusal.ts";
import type { Reply } from "../http/reply.ts";
import { jsonReply } from "./pages.ts";

const workspace = {
  // The same on every gateway and in every answer; chosen by hand.
  id: "00000000-0000-4000-8000-000000000001",
  name: "default",
  comment: null,
  config: {},
  meta: {},
} as const;

/** The path without the workspace that it may begin with: both lead to the same. */
export function withoutWorkspace(path: readonly string[]): readonly string[] {
  return path[0] === workspace.name ? path.slice(1) : path;
}

/** The list, or the one. Throws a `Refusal` where another is asked for, or one is to be made, changed or deleted. */
export function workspacesReply({
  method,
  path,
}: {
  readonly method: string;
  readonly path: readonly string[];
}): Reply {
  const [, item, more] = path;
  if (more !== undefined) throw notFound();
  if (method !== "GET")
    throw new Refusal(
      "unsupported",
      `there is one workspace, ${workspace.name}, and it stays as it is: leave out the workspace, or use another gateway for each`,
    );
  if (item === undefined) return jsonReply(200, { data: [workspace], next: null });
  if (item !== workspace.name && item !== workspace.id) throw notFound();
  return jsonReply(200, workspace);
}
