/** What to do where a listener cannot have its address: which setting says where it listens. */
import type { ProcessSettings } from "./settings.ts";

const listeners = [
  ["proxyListen", "proxy-listen"],
  ["proxyListenSsl", "proxy-listen-ssl"],
  ["adminListen", "admin-listen"],
  ["statusListen", "status-listen"],
] as const;

type ListenSettings = Partial<Pick<ProcessSettings, (typeof listeners)[number][0]>>;

/** The same error with the flag to set behind it, where it comes from one of these listeners; any other as it is. */
export function withListenAdvice(error: unknown, settings: ListenSettings): unknown {
  if (!(error instanceof Error) || !isListenFailure(error.cause)) return error;
  const flag = flagOf(error.cause, settings);
  if (flag === undefined) return error;
  const variable = `SLUICE_${flag.toUpperCase().replaceAll("-", "_")}`;
  const orEnd = error.cause.code === "EADDRINUSE" ? "end what listens there, or " : "";
  return new Error(`${error.message}: ${orEnd}choose another address with --${flag} (${variable})`, {
    cause: error.cause,
  });
}

/** As Node has it: of `listen`, or of the look-up of the name before it. */
interface ListenFailure extends Error {
  readonly code?: unknown;
  readonly syscall: "listen" | "getaddrinfo";
  readonly address?: unknown;
  readonly hostname?: unknown;
  readonly port?: unknown;
}

function isListenFailure(cause: unknown): cause is ListenFailure {
  return (
    cause instanceof Error &&
    "syscall" in cause &&
    (cause.syscall === "listen" || cause.syscall === "getaddrinfo")
  );
}

/** The address as it was set; else, since a name has been looked up by then, the port. */
function flagOf({ address, hostname, port }: ListenFailure, settings: ListenSettings): string | undefined {
  const given = listeners.flatMap(([name, flag]) => {
    const where = settings[name];
    return where === undefined ? [] : [{ flag, ...where }];
  });
  const exact = given.find(
    (each) => each.host === (address ?? hostname) && (port === undefined || each.port === port),
  );
  // Others look up names, too, and have no port of ours: a database, for one.
  return (exact ?? given.find((each) => port !== undefined && each.port === port))?.flag;
}
