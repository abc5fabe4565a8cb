/** Paths brought to one spelling, so that no route can be slipped past by writing a path differently. */

/** Anything the fast path must not wave through: escapes, doubled slashes, dot segments, no leading slash. */
const suspicious = /^[^/]|^$|%|\/\/|\/\./;

/**
 * A path in the normal form of RFC 3986, section 6.2.2: escapes of unreserved characters decoded, other escapes in
 * upper case, dot segments removed; duplicate slashes are merged first, as nginx's `merge_slashes` does. A `%` that
 * starts no escape becomes `%25`. The result begins with "/" and is its own normal form.
 */
export function normalizePath(path: string): string {
  return suspicious.test(path) ? resolveSegments(normalizeEscapes(path)) : path;
}

const unreserved = /[A-Za-z0-9\-._~]/;

function normalizeEscapes(path: string): string {
  if (!path.includes("%")) return path;
  return path.replace(/%([0-9A-Fa-f]{2})?/g, (triplet, hex: string | undefined) =>
    hex === undefined ? "%25" : normalizeEscape(triplet, hex),
  );
}

/** One `%XX` in normal form: the character itself when it is unreserved (RFC 3986, section 2.3). */
export function normalizeEscape(triplet: string, hex: string): string {
  const character = String.fromCharCode(Number.parseInt(hex, 16));
  return unreserved.test(character) ? character : triplet.toUpperCase();
}

function resolveSegments(path: string): string {
  const kept: string[] = [];
  let isDirectory = false;
  for (const segment of path.split("/")) {
    isDirectory = segment === "" || segment === "." || segment === "..";
    if (segment === "..") kept.pop();
    else if (!isDirectory) kept.push(segment);
  }
  return kept.length === 0 ? "/" : `/${kept.join("/")}${isDirectory ? "/" : ""}`;
}
