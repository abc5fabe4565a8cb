/** Looks for the key a client shows. */
import type { ClientRequest } from "../../http/exchange.ts";
import type { BodyFields } from "./body-fields.ts";

/** Where to look. */
export interface KeyPlaces {
  readonly names: readonly string[];
  readonly inHeader: boolean;
  readonly inQuery: boolean;
  readonly inBearer: boolean;
}

export type FoundKey =
  | { readonly kind: "key"; readonly key: string }
  /** The same name more than once: which of them counts must not be left open. */
  | { readonly kind: "duplicate" }
  | { readonly kind: "none" };

/**
 * The first name that gives a text, in the header before the query before the body; then the Bearer token, so that
 * nobody who is known without it is judged by it. `body` only where it is to be looked into.
 */
export function findKey(request: ClientRequest, body: BodyFields | undefined, places: KeyPlaces): FoundKey {
  const query = places.inQuery && request.query !== "" ? new URLSearchParams(request.query) : undefined;
  for (const name of places.names) {
    const found =
      (places.inHeader ? only(headerValues(request, name.toLowerCase())) : undefined) ??
      (query === undefined ? undefined : only(query.getAll(name))) ??
      (body === undefined ? undefined : only(body.values(name)));
    if (found !== undefined) return found;
  }
  const token = places.inBearer ? bearerToken(request) : undefined;
  return token === undefined ? { kind: "none" } : { kind: "key", key: token };
}

/** The token in `Authorization: Bearer …` (RFC 6750, section 2.1; the scheme in any case, RFC 9110, section 11.1). */
export function bearerToken({ headers }: ClientRequest): string | undefined {
  const { authorization } = headers;
  return typeof authorization === "string"
    ? /^bearer +(\S+) *$/i.exec(asText(authorization))?.[1]
    : undefined;
}

function only(values: readonly unknown[]): FoundKey | undefined {
  if (values.length > 1) return { kind: "duplicate" };
  const [value] = values;
  return typeof value === "string" && value !== "" ? { kind: "key", key: value } : undefined;
}

/** Repeated headers arrive joined with a comma, which a key may have in it as well: the raw ones tell the two apart. */
function headerValues({ headers, rawHeaders }: ClientRequest, name: string): readonly string[] {
  const value = headers[name];
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  if (!value.includes(", ")) return [asText(value)];
  const apart = rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name);
  return apart.length > 1 ? apart : [asText(value)];
}

/** node:http reads header bytes as Latin-1; clients that write other letters send UTF-8. */
function asText(value: string): string {
  return /^[\x20-\x7e]*$/.test(value) ? value : Buffer.from(value, "latin1").toString("utf8");
}
