/** Writing entries: their lines as statements. Each dialect has the way that is cheapest with its database. */
import type { Statement } from "../../sql/runner.ts";
import { entryColumns } from "../columns.ts";
import type { EntryLine } from "../entry-line.ts";

/**
 * Makes the statements that keep a batch, none of whose ids stands twice in it. An id that is there already changes
 * nothing.
 */
export type Append = (lines: readonly EntryLine[]) => readonly Statement[];

/** The columns by position, as in a line. */
export const entryNames = Object.keys(entryColumns) as (keyof typeof entryColumns)[]; // these are all its keys
