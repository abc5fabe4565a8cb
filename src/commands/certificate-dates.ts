/** Tells of certificates that clients are shown and do not accept, or soon will not, by their dates. */
import type { X509Certificate } from "node:crypto";
import { readCertificates } from "../config/certificates.ts";
import type { ServedCertificate } from "../http/server-certificates.ts";
import type { Logger } from "../telemetry/logger.ts";
import { firstFew } from "../util/first-few.ts";
import type { Schedule } from "../util/schedule.ts";

export interface DateWarning {
  /** These are shown from now on, in place of those before. Says at once what is to be said of them, and again every day. */
  take(certificates: readonly ServedCertificate[]): void;
  /** Says nothing more, whatever is taken. */
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

/** Each has a line of its own up to here; more would hide what else a start has to say. */
const mostLines = 5;

/** Nothing is said before the first `take`. */
export function createDateWarning({ log, schedule, wallClock }: DateWarningServices): DateWarning {
  let shown: readonly Shown[] = [];
  let told: ReadonlyMap<string, number> = new Map();
  let isClosed = false;
  let cancel: () => void = () => undefined;

  /** What is amiss and has not just been said. */
  const news = (now: number): readonly Fault[] => {
    const faults = shown.flatMap((each) => faultsOf(each, now));
    const isNew = ({ key }: Fault) => {
      const at = told.get(key);
      return at === undefined || Math.abs(now - at) >= quietMs; // clocks are set back too
    };
    const [said, unsaid] = [faults.filter((fault) => !isNew(fault)), faults.filter(isNew)];
    told = new Map([
      ...said.map(({ key }) => [key, told.get(key) ?? now] as const),
      ...unsaid.map(({ key }) => [key, now] as const),
    ]);
    return unsaid;
  };
  const tell = () => {
    if (isClosed) return;
    const faults = news(wallClock()).toSorted((a, b) => a.span.until - b.span.until);
    for (const { message, ...of } of faults.slice(0, mostLines)) log.warn(message, factsOf(of));
    const others = faults.slice(mostLines).map(({ name }) => name);
    if (others.length > 0)
      log.warn("more certificates have expired, end soon or are not valid yet", {
        certificates: firstFew(others),
      });
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
    close() {
      isClosed = true;
      cancel();
    },
  };
}

interface Shown extends Pick<ServedCertificate, "cert" | "name" | "serverNames"> {
  readonly span: Span;
}

interface Fault extends Shown {
  readonly message: string;
  /** Equal for what need not be said twice. */
  readonly key: string;
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

function faultsOf(shown: Shown, now: number): readonly Fault[] {
  const message = messageOf(shown.span, now);
  if (message === undefined) return [];
  const { name, serverNames, span } = shown;
  return [{ ...shown, message, key: JSON.stringify([name, serverNames, span, message]) }];
}

function messageOf({ from, until }: Span, now: number): string | undefined {
  if (Number.isNaN(from + until))
    return "a certificate has dates that cannot be read, so that clients may refuse it";
  if (now > until) return "a certificate has expired, so that clients refuse it: renew it";
  if (now < from)
    return "a certificate is not valid yet, so that clients refuse it: wait, or mend its dates or this machine's clock";
  return until - now < soonMs
    ? "a certificate ends soon, and clients will refuse it then: renew it"
    : undefined;
}

function factsOf({ name, serverNames, span: { endsWith, from, until } }: Shown) {
  const dates = { from: timeOf(from), until: timeOf(until) };
  const facts = { certificate: name, snis: firstFew(serverNames), ...dates };
  return endsWith === undefined ? facts : { ...facts, endsWith };
}

function timeOf(ms: number): string {
  return Number.isNaN(ms) ? "unreadable" : new Date(ms).toISOString().replace(".000Z", "Z");
}
