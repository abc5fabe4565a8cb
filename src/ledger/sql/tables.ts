/** The tables and views of the ledger, as the query builder knows them. */
import type { Kysely } from "kysely";
import type {
  attemptColumns,
  baselineColumns,
  Column,
  ColumnType,
  entryColumns,
  exchangeColumns,
} from "../columns.ts";

export const schemaTable = "sluice_ledger_schema";
/** A row for each entry, whole. */
export const entryTable = "sluice_ledger_entries";

/**
 * The format that this version of Sluice writes. 1: exchanges, attempts and baselines in a table each. 2: one table, and
 * rows of the first format wait to be moved. 3: one table.
 */
export const formatVersion = 3;
export const movingFormat = 2;

export const ledgerTables = [schemaTable, entryTable] as const;

export const exchangeView = "sluice_ledger_exchanges";
export const attemptView = "sluice_ledger_attempts";
export const baselineView = "sluice_ledger_baselines";

/** The entries as three tables, for whoever asks in SQL, us included. */
export const ledgerViews = [exchangeView, attemptView, baselineView] as const;

/** Rows as they are selected; whether a number comes as digits is for `rows.ts` to find out. */
type Selected<Columns extends Readonly<Record<string, Column>>> = {
  [Name in keyof Columns]: Columns[Name]["isRequired"] extends true
    ? Value<Columns[Name]["type"]>
    : Value<Columns[Name]["type"]> | null;
};

type Value<Type extends ColumnType> = Type extends "text" ? string : number;

interface OfExchange {
  exchange_id: string;
}

/** What a report groups by, of the exchange. */
type Grouped<Name extends keyof typeof entryColumns> = Pick<Selected<typeof entryColumns>, Name>;

export interface LedgerTables {
  [schemaTable]: { format: number };
  [entryTable]: Selected<typeof entryColumns>;
  [exchangeView]: Selected<typeof exchangeColumns>;
  [attemptView]: OfExchange &
    Selected<typeof attemptColumns> &
    Grouped<"time_ms" | "route" | "consumer" | "arm">;
  [baselineView]: OfExchange &
    Selected<typeof baselineColumns> &
    Grouped<"time_ms" | "route" | "consumer" | "target" | "provider" | "model">;
}

export type LedgerBuilder = Kysely<LedgerTables>;
