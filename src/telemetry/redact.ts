/** Keeps secrets out of records: values of headers and parameters whose name says that they are credentials. */

const secretName = /auth|cookie|token|secret|passw|signature|credential|(?:^|[-_])key|key$|session/i;

const none: ReadonlySet<string> = new Set();

export const redacted = "[redacted]";

/** True for names such as `authorization`, `x-api-key`, `apikey`, `set-cookie`, `X-Amz-Signature`. */
export function isSecretName(name: string): boolean {
  return secretName.test(name);
}

/** `more`: lower-case names of other headers that hold credentials. */
export function redactHeaders(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  more: ReadonlySet<string> = none,
): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined)
      clean[name] =
        hasSecretName(name) || more.has(name)
          ? redacted
          : typeof value === "string"
            ? value
            : value.join(", ");
  }
  return clean;
}

/** The parameters of a query string; the last of repeated ones. `more` as above. */
export function redactQuery(query: string, more: ReadonlySet<string> = none): Record<string, string> {
  if (query === "") return {};
  const clean: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(query))
    clean[name] = isSecretName(name) || more.has(name.toLowerCase()) ? redacted : value;
  return clean;
}

/** Header names repeat from request to request, so that each is judged once; bounded, as clients choose them. */
const judged = new Map<string, boolean>();

function hasSecretName(name: string): boolean {
  let verdict = judged.get(name);
  if (verdict === undefined) {
    verdict = isSecretName(name);
    if (judged.size < 1_000) judged.set(name, verdict);
  }
  return verdict;
}
