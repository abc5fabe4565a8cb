/** A target as people write it: `host:port`. */

export interface TargetAddress {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Kong's, where a target names none. */
const defaultPort = 8000;

/** Undefined where the text is no address. */
export function parseAddress(text: string): TargetAddress | undefined {
  const [, bracketed, plain, digits] =
    /^(?:\[([\da-f:.]+)\]|([^\s:/?#@[\]]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = digits === undefined ? defaultPort : Number(digits);
  if (host === undefined || port > 65535 || port === 0) return undefined;
  return URL.canParse(`http://${hostInUrl(host)}:${port}`) ? { host: host.toLowerCase(), port } : undefined;
}

/** The text with Kong's port where it names none; as it is where it is no address. */
export function withPort(text: string): string {
  const hasPort = /:\d+$/.test(text.replace(/^\[[^\]]*\]/, ""));
  return hasPort || parseAddress(text) === undefined ? text : `${text}:${defaultPort}`;
}

/** As people, logs and the status name it. */
export function formatAddress({ host, port }: TargetAddress): string {
  return `${hostInUrl(host)}:${port}`;
}

function hostInUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
