/** The setting `--ledger` (`SLUICE_LEDGER`): where the ledger is, in one text. */
import { AddressError, postgresBlock } from "../postgres/address.ts";
import { checkLedger, type LedgerOptions, ledgerOptions } from "./options.ts";

/** A text that names no ledger. The message says what would, and never shows a password. */
export class LedgerSettingError extends Error {}

/** What `--ledger` takes, for help texts. */
export const ledgerSettingHelp =
  "sqlite (a file in the prefix folder), sqlite:PATH, postgres://USER@HOST:PORT/DATABASE, or off";

/** The other settings of the process that are about the ledger. */
export interface LedgerLimits {
  /** Days after which entries are deleted; 0 keeps them for ever. */
  readonly retentionDays?: number;
  readonly logPayloads?: boolean;
}

/**
 * `off` · `sqlite` · `sqlite:PATH` · `postgres://USER:PASSWORD@HOST:PORT/DATABASE?FIELD=VALUE&…`, where the fields are those
 * of the block `ledger.postgres`. The password may come on its own, since command lines are seen by others. `source` says
 * where the text came from. Throws a `LedgerSettingError`.
 */
export function readLedgerSetting(
  { text, source }: { readonly text: string; readonly source: string },
  password: string | undefined,
  { retentionDays, logPayloads }: LedgerLimits = {},
): LedgerOptions {
  const block = {
    ...placed(text, source, password),
    ...(retentionDays === undefined ? {} : { retention_days: retentionDays }),
    ...(logPayloads === undefined ? {} : { log_payloads: logPayloads }),
  };
  const parsed = ledgerOptions.safeParse(block);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new LedgerSettingError(`${source}: ${issue?.path.join(".") || "ledger"}: ${issue?.message}`);
  }
  const [fault] = checkLedger(parsed.data);
  if (fault !== undefined)
    throw new LedgerSettingError(`${source}: ${fault.path.join(".")} ${fault.message}`);
  return parsed.data;
}

function placed(text: string, source: string, password: string | undefined): object {
  try {
    return placeOf(text, source, password);
  } catch (error) {
    throw error instanceof AddressError ? new LedgerSettingError(`${source}: ${error.message}`) : error;
  }
}

function placeOf(text: string, source: string, password: string | undefined): object {
  if (text === "off") return { strategy: "off" };
  if (text === "sqlite") return { strategy: "sqlite" };
  const colon = text.indexOf(":");
  const scheme = text.slice(0, colon);
  if (scheme === "sqlite" && colon + 1 < text.length)
    return { strategy: "sqlite", sqlite: { path: text.slice(colon + 1) } };
  if (scheme === "postgres" || scheme === "postgresql")
    return { strategy: "postgres", postgres: postgresBlock(text, password) };
  // Not the text itself: it may be an address with a password, mistyped.
  throw new LedgerSettingError(`${source}: write ${ledgerSettingHelp}`);
}
