/** For dialects whose calls carry a bearer token that is fetched, kept and renewed. */
import type { TokenSource } from "../../cloud-identity/token-source.ts";
import type { EmbeddingsDialect } from "./dialect.ts";

export type Bearer = Required<Pick<EmbeddingsDialect, "authorize" | "readRefusal">>;

/**
 * Adds the token. A 401 is the service's word that this token is no longer good (RFC 6750, section 3.1: expired,
 * revoked, malformed): it is forgotten, and where another one can be had the call is worth another try.
 */
export function bearer(source: TokenSource): Bearer {
  return {
    async authorize(request, signal) {
      const { token } = await source.get(signal);
      return { ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } };
    },
    readRefusal: ({ status }) => (status === 401 && source.renew() ? { isRetryable: true } : {}),
  };
}
