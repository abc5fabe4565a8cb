/** Process settings: flags and environment variables named after kong.conf's. */
import {
  type ConfigStoreOptions,
  configStoreSettingHelp,
  readConfigStoreSetting,
} from "../config-store/options.ts";
import { createTrust } from "../http/trusted-ips.ts";
import { ledgerSettingHelp, readLedgerSetting } from "../ledger/ledger-settings.ts";
import type { LedgerOptions } from "../ledger/options.ts";
import { PlaceSettingError } from "../sql/place-setting.ts";
import { type LogLevel, logLevels } from "../telemetry/logger.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where a certificate and its key lie. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

interface Setting {
  readonly flag: string;
  readonly env: string;
  readonly fallback: string;
  readonly help: string;
}

/** Every setting of the process; the config file has the rest. */
export const settingTable = [
  setting("proxy-listen", "0.0.0.0:8000", "where clients connect"),
  setting(
    "proxy-listen-ssl",
    "off",
    "where clients connect that speak TLS, e.g. 0.0.0.0:8443; off: nowhere. They are shown the certificates of the config, by their SNIs",
  ),
  setting(
    "ssl-cert",
    "",
    "file with the certificate for names that have none in the config, in PEM, with those that vouch for it after it",
  ),
  setting("ssl-cert-key", "", "file with the key of --ssl-cert, in PEM"),
  setting(
    "trusted-ips",
    "",
    "addresses and CIDR ranges of proxies in front, with commas between: their X-Forwarded-* and X-Real-IP are believed",
  ),
  setting(
    "admin-listen",
    "127.0.0.1:8001",
    "the admin API; off: none. On other than loopback addresses it wants --admin-token",
  ),
  setting(
    "admin-token",
    "",
    "what the admin API is asked with, in Kong-Admin-Token, by reload and explain too; better given as SLUICE_ADMIN_TOKEN",
  ),
  setting(
    "admin-secrets",
    "on-request",
    "on-request: the admin API shows secrets to decK and whoever asks with Sluice-Secrets: plain; never: to nobody",
  ),
  setting("database", "sqlite", configStoreSettingHelp),
  setting(
    "database-password",
    "",
    "password of the database's server; better given as SLUICE_DATABASE_PASSWORD",
  ),
  setting(
    "dashboard-listen",
    "off",
    "accepted for later: this version has no dashboard, so nothing listens there",
  ),
  setting("status-listen", "127.0.0.1:8100", "/status, /status/ready and /metrics; off: none"),
  setting("log-level", "info", `one of ${logLevels.join(", ")}`),
  setting("log-format", "auto", "json, pretty, or auto: pretty on a terminal"),
  setting("prefix", ".sluice", "folder for the process's own files"),
  setting("workers", "1", "processes that serve, auto: one for each core; 1: no worker beside this process"),
  setting("ledger", "sqlite", ledgerSettingHelp),
  setting("ledger-password", "", "password of the ledger's server; better given as SLUICE_LEDGER_PASSWORD"),
  setting("ledger-retention", "90", "days after which entries of the ledger are deleted; 0: never"),
  setting("ledger-payloads", "off", "on: prompts and answers are kept too, of targets with log_payloads"),
  setting("stop-timeout", "30000", "milliseconds that running exchanges get to end after SIGTERM"),
] as const;

function setting<const Flag extends string>(flag: Flag, fallback: string, help: string) {
  return { flag, env: `SLUICE_${flag.toUpperCase().replaceAll("-", "_")}`, fallback, help } satisfies Setting;
}

/** The name of a process setting, as a flag without its dashes. */
export type SettingFlag = (typeof settingTable)[number]["flag"];

export interface ProcessSettings {
  readonly proxyListen: Address;
  /** Undefined: no client speaks TLS. */
  readonly proxyListenSsl: Address | undefined;
  /** Files in PEM. */
  readonly sslCert: CertificateFiles | undefined;
  /** Addresses and CIDR ranges. */
  readonly trustedIps: readonly string[];
  readonly adminListen: Address | undefined;
  /** Nothing listens there yet. */
  readonly dashboardListen: Address | undefined;
  readonly statusListen: Address | undefined;
  /** Undefined: whoever reaches the admin API may use it. */
  readonly adminToken: string | undefined;
  readonly adminSecrets: "on-request" | "never";
  readonly database: ConfigStoreOptions;
  readonly logLevel: LogLevel;
  readonly pretty: boolean;
  readonly prefix: string;
  readonly workers: number | "auto";
  readonly ledger: LedgerOptions;
  readonly stopTimeoutMs: number;
}

/** A setting that cannot be used; the message names it, where it came from and what would do. */
export class SettingError extends Error {}

/** Flags win over the environment, the environment over the defaults. */
export function readSettings(
  flags: Readonly<Record<string, string | boolean | undefined>>,
  env: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
): ProcessSettings {
  const read = (flag: SettingFlag) => readGiven(flag, flags, env);
  const adminListen = optionalAddress(read("admin-listen"));
  const adminToken = token(read("admin-token"));
  if (adminListen !== undefined && adminToken === undefined && !isLoopback(adminListen.host)) {
    throw new SettingError(
      `${read("admin-listen").source}: ${adminListen.host} is not a loopback address, so others could change everything: set a token for the admin API (SLUICE_ADMIN_TOKEN), or listen on 127.0.0.1`,
    );
  }
  return {
    proxyListen: address(read("proxy-listen")),
    proxyListenSsl: optionalAddress(read("proxy-listen-ssl")),
    sslCert: certificateFiles(read("ssl-cert"), read("ssl-cert-key")),
    trustedIps: ipRanges(read("trusted-ips")),
    adminListen,
    adminToken,
    adminSecrets: oneOf(read("admin-secrets"), ["on-request", "never"]),
    database: readDatabase(read),
    dashboardListen: optionalAddress(read("dashboard-listen")),
    statusListen: optionalAddress(read("status-listen")),
    logLevel: oneOf(read("log-level"), logLevels),
    pretty: prettyOf(oneOf(read("log-format"), ["auto", "json", "pretty"]), isTerminal),
    prefix: read("prefix").text,
    workers: workerCount(read("workers")),
    ledger: readLedger(read),
    stopTimeoutMs: milliseconds(read("stop-timeout")),
  };
}

/** Of a guess a second, a token of this length stands for longer than there are gateways. */
const minTokenLength = 16;

function token({ text, source }: Given): string | undefined {
  if (text === "") return undefined;
  if (text.length < minTokenLength || !/^[\x21-\x7e]+$/.test(text)) {
    throw new SettingError(
      `${source}: the token must be at least ${minTokenLength} visible ASCII characters, without spaces; make one with: openssl rand -hex 24`,
    );
  }
  return text;
}

function readDatabase(read: (flag: SettingFlag) => Given): ConfigStoreOptions {
  return placed(() => readConfigStoreSetting(read("database"), optionalText(read("database-password"))));
}

function readLedger(read: (flag: SettingFlag) => Given): LedgerOptions {
  const limits = {
    retentionDays: days(read("ledger-retention")),
    logPayloads: oneOf(read("ledger-payloads"), ["on", "off"]) === "on",
  };
  return placed(() => readLedgerSetting(read("ledger"), optionalText(read("ledger-password")), limits));
}

function placed<Options>(readSetting: () => Options): Options {
  try {
    return readSetting();
  } catch (error) {
    if (error instanceof PlaceSettingError) throw new SettingError(error.message, { cause: error });
    throw error;
  }
}

function certificateFiles(cert: Given, key: Given): CertificateFiles | undefined {
  if (cert.text === "" && key.text === "") return undefined;
  if (cert.text !== "" && key.text !== "") return { cert: cert.text, key: key.text };
  const [given, missing] = cert.text === "" ? [key, "ssl-cert"] : [cert, "ssl-cert-key"];
  throw new SettingError(`${given.source}: a certificate needs its key beside it: set --${missing} too`);
}

function ipRanges({ text, source }: Given): readonly string[] {
  const ranges = text === "" ? [] : text.split(",").map((each) => each.trim());
  try {
    createTrust(ranges);
    return ranges;
  } catch (cause) {
    throw new SettingError(`${source}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function optionalText({ text }: Given): string | undefined {
  return text === "" ? undefined : text;
}

/** Flags win over the environment, the environment over the defaults. */
function readGiven(
  flag: SettingFlag,
  flags: Readonly<Record<string, string | boolean | undefined>>,
  env: Readonly<Record<string, string | undefined>>,
): Given {
  const row = settingTable.find((entry) => entry.flag === flag);
  const fromFlag = flags[flag];
  if (typeof fromFlag === "string") return { text: fromFlag, source: `--${flag}` };
  const fromEnv = row === undefined ? undefined : env[row.env];
  if (row !== undefined && fromEnv !== undefined && fromEnv !== "") return { text: fromEnv, source: row.env };
  return { text: row?.fallback ?? "", source: `the default of --${flag}` };
}

interface Given {
  readonly text: string;
  readonly source: string;
}

function optionalAddress(given: Given): Address | undefined {
  return given.text === "off" ? undefined : address(given);
}

/** `host:port`, `[ipv6]:port` or a port alone. */
function address({ text, source }: Given): Address {
  const match = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new SettingError(
      `${source}: "${text}" is not an address; write host:port, e.g. 127.0.0.1:8000, with port 0 for any free one`,
    );
  }
  return { host: match[1] ?? match[2] ?? "127.0.0.1", port };
}

function oneOf<const Value extends string>({ text, source }: Given, allowed: readonly Value[]): Value {
  const found = allowed.find((value) => value === text);
  if (found === undefined) throw new SettingError(`${source}: "${text}" is not one of ${allowed.join(", ")}`);
  return found;
}

function days({ text, source }: Given): number {
  if (!/^\d{1,5}$/.test(text)) throw new SettingError(`${source}: "${text}" is not a number of days`);
  return Number(text);
}

function milliseconds({ text, source }: Given): number {
  if (!/^\d{1,9}$/.test(text)) throw new SettingError(`${source}: "${text}" is not a number of milliseconds`);
  return Number(text);
}

/** More than any machine has cores for is a slip of the pen. */
const maxWorkers = 512;

function workerCount({ text, source }: Given): number | "auto" {
  if (text === "auto") return text;
  const count = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > maxWorkers) {
    throw new SettingError(
      `${source}: "${text}" is not a number of workers; write 1 to ${maxWorkers}, or auto for one on each core`,
    );
  }
  return count;
}

function prettyOf(format: "auto" | "json" | "pretty", isTerminal: boolean): boolean {
  return format === "auto" ? isTerminal : format === "pretty";
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
