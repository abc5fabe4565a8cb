/** The tables of the ledger, as the query builder knows them. */
import type { Kysely } from "kysely";
import type { attemptColumns, baselineColumns, Column, ColumnType, exchangeColumns } from "../columns.ts";

export const schemaTable = "sluice_ledger_schema";
export const exchangeTable = "sluice_ledger_exchanges";
export const attemptTable = "sluice_ledger_attempts";
export const baselineTable = "sluice_ledger_baselines";

export const ledgerTables = [schemaTable, exchangeTable, attemptTable, baselineTable] as const;

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

export interface LedgerTables {
  [schemaTable]: { format: number };
  [exchangeTable]: Selected<typeof exchangeColumns>;
  [attemptTable]: OfExchange & Selected<typeof attemptColumns>;
  [baselineTable]: OfExchange & Selected<typeof baselineColumns>;
}

export type LedgerBuilder = Kysely<LedgerTables>;
