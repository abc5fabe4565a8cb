/** Small HTTP pages of the process itself: status, metrics, admin. */
import { type Refusal, refusalTable } from "../control/refusal.ts";
import type { Exchange } from "../http/exchange.ts";
import { type Listener, type ListenerServices, listen } from "../http/listener.ts";
import type { Reply } from "../http/reply.ts";

/** `GET /path` → its answer; what it throws is answered by the table of errors. */
export type Pages = Readonly<Record<string, (exchange: Exchange) => Reply | Promise<Reply>>>;

/** Serves what `handle` answers. */
export function serve(
  where: { readonly host: string; readonly port: number },
  handle: (exchange: Exchange) => Promise<Reply>,
  services: ListenerServices,
): Promise<Listener> {
  return listen(where, { handle }, services);
}

/** Whether there is a page at the path, by whatever method. */
export function hasPage(path: string, pages: Pages): boolean {
  return Object.keys(pages).some((key) => key.endsWith(` ${nameOf(path)}`));
}

/**
 * The page of a request by its method and a path, its own unless another is given; anything else is 404, a known path
 * with another method 405.
 */
export function pageFor(
  exchange: Exchange,
  pages: Pages,
  path = exchange.request.path,
): Reply | Promise<Reply> {
  const { method } = exchange.request;
  const name = nameOf(path);
  const page = pages[`${method === "HEAD" ? "GET" : method} ${name}`];
  if (page !== undefined) return page(exchange);
  const allowed = Object.keys(pages)
    .filter((key) => key.endsWith(` ${name}`))
    .map((key) => key.slice(0, key.indexOf(" ")));
  if (allowed.length === 0) return jsonReply(404, { message: "Not found" });
  const reply = jsonReply(405, { message: "Method not allowed" });
  reply.headers["allow"] = allowed.join(", ");
  return reply;
}

function nameOf(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

export function jsonReply(status: number, body: unknown): Reply {
  return {
    status,
    headers: { "content-type": "application/json; charset=utf-8" },
    body: JSON.stringify(body),
  };
}

/** Kong's form of an error; `more` is told beside it, or in the place of its fields. */
export function refusalReply({ fields, kind, message }: Refusal, more: object = {}): Reply {
  const { code, name, status } = refusalTable[kind];
  if (kind === "not_found") return jsonReply(status, { message });
  return jsonReply(status, { message, name, code, ...(fields !== undefined && { fields }), ...more });
}

export function textReply(status: number, body: string, contentType = "text/plain; charset=utf-8"): Reply {
  return { status, headers: { "content-type": contentType }, body };
}
