/** The setting `--ledger` (`SLUICE_LEDGER`): where the ledger is, in one text. */
import { readPlace } from "../sql/place-setting.ts";
import { checkLedger, type LedgerOptions, ledgerOptions } from "./options.ts";

/** What `--ledger` takes, for help texts. */
export const ledgerSettingHelp =
  "sqlite (a file in the prefix folder), sqlite:PATH, postgres://USER@HOST:PORT/DATABASE, or off";

/** The other settings of the process that are about the ledger. */
export interface LedgerLimits {
  /** Days after which entries are deleted; 0 keeps them for ever. */
  readonly retentionDays?: number;
  readonly logPayloads?: boolean;
}

const setting = { words: ["off"], choices: ledgerSettingHelp, schema: ledgerOptions, check: checkLedger };

/**
 * A text that `readPlace` takes, or `off`; the fields of an address are those of the block `ledger.postgres`. The password
 * may come on its own. `source` says where the text came from. Throws a `PlaceSettingError`.
 */
export function readLedgerSetting(
  given: { readonly text: string; readonly source: string },
  password: string | undefined,
  { retentionDays, logPayloads }: LedgerLimits = {},
): LedgerOptions {
  return readPlace(
    setting,
    { ...given, password },
    {
      ...(retentionDays === undefined ? {} : { retention_days: retentionDays }),
      ...(logPayloads === undefined ? {} : { log_payloads: logPayloads }),
    },
  );
}
