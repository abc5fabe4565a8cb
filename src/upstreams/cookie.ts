/** Cookies by which clients stay with a target. */

/** The value of a cookie in a `Cookie` header; undefined where it is not there, or empty. */
export function cookieValue(header: string | string[] | undefined, name: string): string | undefined {
  const text = Array.isArray(header) ? header.join("; ") : (header ?? "");
  for (const pair of text.split(";")) {
    const at = pair.indexOf("=");
    if (at === -1 || pair.slice(0, at).trim() !== name) continue;
    const value = pair.slice(at + 1).trim();
    return value === "" ? undefined : value;
  }
  return undefined;
}

/** A `Set-Cookie` header for as long as the client's session lasts. No script needs it. */
export function sessionCookie(name: string, value: string, path: string): string {
  return `${name}=${value}; Path=${path}; HttpOnly`;
}
