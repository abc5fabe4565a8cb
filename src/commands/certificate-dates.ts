/** Tells of certificates that clients are shown and do not accept, or soon will not, by their dates. */
import type { X509Certificate } from "node:crypto";
import { readCertificates } from "../config/certificates.ts";
import type { ServedCertificate } from "../http/server-certificates.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Schedule } from "../util/schedule.ts";

export interface DateWarning {
  /** These are shown from now on, in place of those before. Says at once what is to be said of them, and again every day. */
  take(certificates: readonly ServedCertificate[]): void;
  /** Says nothing more. */
  close(): void;
}

export interface DateWarningServices {
  readonly log: Pick<Logger, "warn">;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  readonly schedule: Schedule;
}

const dayMs = 86_400_000;

/** Renewal comes well before: at 30 of 90 days with most ACME clients. */
const soonMs = 14 * dayMs;

/** Configs may be taken one after another, e.g. by decK: what has been said is not said again for so long. */
const quietMs = 60_000;

/** Nothing is said before the first `take`. */
export function createDateWarning({ log, schedule, wallClock }: DateWarningServices): DateWarning {
  let shown: readonly Shown[] = [];
  let told: ReadonlyMap<string, number> = new Map();
  let cancel: () => void = () => undefined;

  const tell = () => {
    const now = wallClock();
    const telling = new Map<string, number>();
    for (const { name, serverNames, span } of shown) {
      const message = faultOf(span, now);
      if (message === undefined) continue;
      const key = JSON.stringify([name, serverNames, span, message]);
      const before = told.get(key);
      const isSaid = before !== undefined && Math.abs(now - before) < quietMs; // clocks are set back too
      telling.set(key, isSaid ? before : now);
      if (!isSaid) log.warn(message, { certificate: name, snis: serverNames.join(", "), ...factsOf(span) });
    }
    told = telling;
    cancel();
    cancel = schedule(dayMs, tell);
  };
  return {
    take(certificates) {
      const known = new Map(shown.map(({ cert, span }) => [cert, span]));
      shown = certificates.map(({ cert, name, serverNames }) => {
        return { cert, name, serverNames, span: known.get(cert) ?? spanOf(cert) };
      });
      tell();
    },
    close: () => cancel(),
  };
}

interface Shown extends Pick<ServedCertificate, "cert" | "name" | "serverNames"> {
  readonly span: Span;
}

/** Of a certificate and those that vouch for it: when all of them hold. In milliseconds since 1970. */
interface Span {
  readonly from: number;
  readonly until: number;
  /** Whom the one is for that ends first, where that is not the certificate itself. */
  readonly endsWith: string | undefined;
}

function spanOf(cert: string): Span {
  const read = readCertificates(cert);
  if (typeof read === "string") throw new Error(`a certificate that was found good ${read}`);
  const [own, ...others] = read;
  // Clients have roots of their own: those that are sent along are not looked at.
  const chain = [own, ...others.filter(({ issuer, subject }) => issuer !== subject)].filter(isThere);
  const until = Math.min(...chain.map(endOf));
  const first = chain.find((each) => endOf(each) === until);
  return {
    from: Math.max(...chain.map(({ validFrom }) => Date.parse(validFrom))),
    until,
    endsWith: first === own ? undefined : first?.subject.replaceAll("\n", ", "),
  };
}

function isThere(certificate: X509Certificate | undefined): certificate is X509Certificate {
  return certificate !== undefined;
}

function endOf({ validTo }: X509Certificate): number {
  return Date.parse(validTo);
}

function faultOf({ from, until }: Span, now: number): string | undefined {
  if (Number.isNaN(from + until))
    return "a certificate has dates that cannot be read, so that clients may refuse it";
  if (now > until) return "a certificate has expired, so that clients refuse it: renew it";
  if (now < from)
    return "a certificate is not valid yet, so that clients refuse it: wait, or mend its dates or this machine's clock";
  return until - now < soonMs
    ? "a certificate ends soon, and clients will refuse it then: renew it"
    : undefined;
}

function factsOf({ endsWith, from, until }: Span) {
  const dates = { from: timeOf(from), until: timeOf(until) };
  return endsWith === undefined ? dates : { ...dates, endsWith };
}

function timeOf(ms: number): string {
  return Number.isNaN(ms) ? "unreadable" : new Date(ms).toISOString().replace(".000Z", "Z");
}
