/** What of a request is hashed: `hash_on`, else `hash_fallback`. */
import type { Exchange } from "../http/exchange.ts";
import type { RouteMatch } from "../router/router.ts";
import { cookieValue, sessionCookie } from "./cookie.ts";
import { type HashSource, sourceName, type UpstreamOptions } from "./options.ts";

export interface HashKey {
  /** "": the request has nothing of the kind. */
  readonly key: string;
  /** Given to the client, so that its next request has the same key. */
  readonly setCookie?: string;
}

/** Reads one source; `name` is that of the header, parameter or group. */
type Reader = (exchange: Exchange, match: RouteMatch, name: string) => string | undefined;

const readers: Readonly<Record<Exclude<HashSource, "cookie">, Reader>> = {
  none: () => undefined,
  consumer: ({ consumer, credential }) => consumer?.id ?? credential?.id,
  ip: ({ request }) => request.clientIp,
  header: ({ request }, _match, name) => {
    const value = request.headers[name.toLowerCase()];
    return Array.isArray(value) ? value.join(", ") : value;
  },
  path: ({ request }) => request.path,
  query_arg: ({ request }, _match, name) => {
    const values = new URLSearchParams(request.query).getAll(name);
    return values.length === 0 ? undefined : values.sort().join(","); // whatever their order
  },
  uri_capture: (_exchange, match, name) => match.uriCaptures[name],
};

/** A function from a request to its key. `newKey` makes one for a client without the cookie. */
export function createHashKey(
  options: UpstreamOptions,
  newKey: () => string,
): (exchange: Exchange, match: RouteMatch) => HashKey {
  const roles = (["hash_on", "hash_fallback"] as const).map((role) => ({
    source: options[role],
    name: sourceName(options, role) ?? "",
  }));
  return (exchange, match) => {
    for (const { name, source } of roles) {
      if (source === "cookie") {
        const known = cookieValue(exchange.request.headers["cookie"], name);
        if (known !== undefined) return { key: known };
        const key = newKey();
        return { key, setCookie: sessionCookie(name, key, options.hash_on_cookie_path) };
      }
      const key = readers[source](exchange, match, name);
      if (key !== undefined && key !== "") return { key };
    }
    return { key: "" };
  };
}
