/** Keeps secrets out of logged prompts and answers: those the gateway knows, and those whose shape gives them away. */
import type { ClientRequest } from "../http/exchange.ts";
import { isSecretName, redacted } from "./redact.ts";

/**
 * What is taken for a secret wherever it stands, and what takes its place. Few shapes that are hardly ever anything else;
 * more would cost more and still find no secret without a shape. All of them take 11 ms for a million characters of English,
 * and 65 ms for the worst that was found (measured, Node 20). Every one reads a text once, whatever the text: a run is
 * entered at its beginning only, and what may follow is bounded or cannot begin another.
 */
const shapes: readonly (readonly [RegExp, string])[] = [
  // Keys of model vendors and of those who took up their form. Words put together by hyphens have no digit in them.
  [/(?<![A-Za-z0-9])sk-(?=[A-Za-z_-]{0,80}[0-9])[A-Za-z0-9_-]{16,}/g, redacted],
  [/(?<![A-Za-z0-9_-])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/g, redacted],
  [
    /\b(Bearer|bearer|BEARER|Basic|basic|BASIC)[ \t]{1,8}(?=[A-Za-z._~+/-]{0,80}(?:[0-9=]|[a-z][A-Z]))[A-Za-z0-9._~+/-]{16,}=*/g,
    `$1 ${redacted}`,
  ],
  // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html; the secret half has no shape but its label.
  [/(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])/g, redacted],
  [
    /(aws_(?:secret_access_key|session_token)[\\"' \t]{0,8}[=:][\\"' \t]{0,8})[A-Za-z0-9/+=]{20,}/gi,
    `$1${redacted}`,
  ],
  // https://docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github
  [/(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{30,})/g, redacted],
  [/(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{10,}/g, redacted],
  // JSON Web Tokens (RFC 7519): three parts, of which the first two begin as every JSON object does in base64url.
  [/(?<![A-Za-z0-9_.-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/g, redacted],
  // PEM (RFC 7468), line ends written as they are or as in JSON; up to its end or as far as it was copied.
  [
    /-----BEGIN ([A-Z0-9 ]{0,32}PRIVATE KEY)-----[A-Za-z0-9+/=\\\s:,]*(?:-----END [A-Z0-9 ]{0,32}PRIVATE KEY-----)?/g,
    `-----BEGIN $1-----${redacted}`,
  ],
];

/** Longer texts are cut: a record is no archive, and what waits to be written has to be bounded. */
const maxCharacters = 1_000_000;

/** Shorter values are words that a text may have for other reasons. */
const minSecretLength = 8;

/** The text without secrets: none of `known`, with or without a scheme such as `Bearer`, and nothing of a known shape. */
export function redactText(text: string, known: readonly string[] = []): string {
  let clean = text.length > maxCharacters ? cut(text) : text;
  for (const secret of spellings(known)) clean = clean.replaceAll(secret, redacted);
  for (const [shape, replacement] of shapes) clean = clean.replace(shape, replacement);
  return clean;
}

/** What a client showed us to be let in, or sent for the upstream: values of headers and parameters with a secret's name. */
export function shownSecrets(
  { headers, query }: Pick<ClientRequest, "headers" | "query">,
  credentialNames: ReadonlySet<string>,
): readonly string[] {
  const isSecret = (name: string) => isSecretName(name) || credentialNames.has(name.toLowerCase());
  const fromHeaders = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || !isSecret(name) ? [] : [value].flat(),
  );
  const fromQuery = [...new URLSearchParams(query)].flatMap(([name, value]) =>
    isSecret(name) ? [value] : [],
  );
  return [...fromHeaders, ...fromQuery];
}

/** A secret as it may stand in JSON; the longest first, so that no part of one is left. */
function spellings(known: readonly string[]): readonly string[] {
  const values = known.flatMap((value) => [value, value.replace(/^[A-Za-z]+ +/, "")]);
  const written = values.flatMap((value) => [value, JSON.stringify(value).slice(1, -1)]);
  return [...new Set(written)]
    .filter((value) => value.length >= minSecretLength)
    .sort((a, b) => b.length - a.length);
}

function cut(text: string): string {
  return `${text.slice(0, maxCharacters)}[cut: ${text.length - maxCharacters} more characters]`;
}
