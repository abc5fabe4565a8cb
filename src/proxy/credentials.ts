/** Puts a target's key where its vendor looks for it. */
import type { JsonObject } from "../llm/json.ts";

export interface Credentials {
  readonly headerName?: string | undefined;
  readonly headerValue?: string | undefined;
  readonly paramName?: string | undefined;
  readonly paramValue?: string | undefined;
  readonly paramLocation?: "query" | "body" | undefined;
  /** The client's own value of that header or parameter stays. */
  readonly allowOverride: boolean;
}

/** One call, still without credentials. */
export interface UnsignedCall {
  readonly headers: Readonly<Record<string, string>>;
  readonly path: string;
  readonly body: JsonObject;
}

/** What the client itself sent, for `allow_override`. */
export interface ClientValues {
  header(name: string): string | undefined;
  query(name: string): string | undefined;
  readonly body: JsonObject;
}

/** True where the target brings a key of its own, so that the client's `Authorization` has no business upstream. */
export function hasCredentials(credentials: Credentials): boolean {
  return credentials.headerName !== undefined || credentials.paramName !== undefined;
}

/** Their values, for records to leave out. */
export function secretsOf({ headerValue, paramValue }: Credentials): readonly string[] {
  return [headerValue, paramValue].filter((value) => value !== undefined);
}

/** The call with its credentials. Inputs are not changed. */
export function addCredentials(
  call: UnsignedCall,
  credentials: Credentials,
  client: ClientValues,
): UnsignedCall {
  return addParam(addHeader(call, credentials, client), credentials, client);
}

function addHeader(call: UnsignedCall, credentials: Credentials, client: ClientValues): UnsignedCall {
  const { headerName, headerValue, allowOverride } = credentials;
  if (headerName === undefined || headerValue === undefined) return call;
  const name = headerName.toLowerCase();
  const own = allowOverride ? client.header(name) : undefined;
  return { ...call, headers: { ...call.headers, [name]: own ?? headerValue } };
}

function addParam(call: UnsignedCall, credentials: Credentials, client: ClientValues): UnsignedCall {
  const { paramName, paramValue, paramLocation, allowOverride } = credentials;
  if (paramName === undefined || paramValue === undefined) return call;
  if (paramLocation === "body") {
    const own = allowOverride ? client.body[paramName] : undefined;
    return { ...call, body: { ...call.body, [paramName]: own ?? paramValue } };
  }
  const own = allowOverride ? client.query(paramName) : undefined;
  const pair = `${encodeURIComponent(paramName)}=${encodeURIComponent(own ?? paramValue)}`;
  return { ...call, path: `${call.path}${call.path.includes("?") ? "&" : "?"}${pair}` };
}
