/** Who may use the admin API, and who sees secrets. */
import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import { type AdminRequest, headerOf } from "./request.ts";

export interface AdminAccess {
  /** Undefined: whoever reaches the listener, which is on a loopback address then. */
  readonly token: string | undefined;
  /** `on-request`: shown to decK, which compares and copies them, and to whoever asks for them; `never`: to nobody. */
  readonly secrets: "on-request" | "never";
}

/** Why a request is not granted. */
export interface Denial {
  readonly status: 401 | 403;
  readonly message: string;
}

/** Undefined where it is granted. */
export function denialOf(request: AdminRequest, { token }: AdminAccess): Denial | undefined {
  if (token === undefined) return foreignDenial(request);
  const given = givenToken(request);
  if (given !== undefined && isEqual(given, token)) return undefined;
  const message =
    given === undefined
      ? "this admin API wants a token: send it as Kong-Admin-Token"
      : "the token is not the one of this admin API";
  return { status: 401, message };
}

/** What the audit log calls whoever asks. */
export function actorOf({ exchange }: AdminRequest, { token }: AdminAccess): string {
  const { clientIp } = exchange.request;
  return token === undefined ? clientIp : `token from ${clientIp}`;
}

/** Whether an answer may show secrets. */
export function seesSecrets(request: AdminRequest, { secrets }: AdminAccess): boolean {
  if (secrets === "never") return false;
  return (
    headerOf(request, "sluice-secrets")?.toLowerCase() === "plain" ||
    /^decK\//i.test(headerOf(request, "user-agent") ?? "")
  );
}

function givenToken(request: AdminRequest): string | undefined {
  const bearer = /^Bearer (.+)$/i.exec(headerOf(request, "authorization") ?? "");
  return headerOf(request, "kong-admin-token") ?? bearer?.[1];
}

/** In a time that does not tell how much of it was right. */
function isEqual(given: string, token: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

/**
 * A page in a browser on this machine reaches a loopback address too: by a form (it has an Origin then), or under a name of
 * its own that it has pointed there (DNS rebinding; the Host header has that name).
 */
function foreignDenial(request: AdminRequest): Denial | undefined {
  const host = headerOf(request, "host") ?? "";
  const name = host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  if (name !== "" && name !== "localhost" && isIP(name) === 0)
    return { status: 403, message: `the admin API is not asked as ${name}: use its address, or set a token` };
  const origin = headerOf(request, "origin");
  if (origin === undefined || origin === `http://${host}`) return undefined;
  return { status: 403, message: "the admin API takes no requests of web pages of other origins" };
}
