/** UUIDs, which are the same in capitals (RFC 9562, section 4). */

const uuid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;

export function isUuid(text: string): boolean {
  return uuid.test(text);
}

/** An id or name as it is to be looked up: a UUID in lower case, any other text as it is. */
export function lookupKey(text: string): string {
  return isUuid(text) ? text.toLowerCase() : text;
}
