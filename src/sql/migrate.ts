/** Bringing the tables of a database to the format of this version of Sluice. */
import { type Row, whole } from "./rows.ts";
import type { SqlRunner, Statement } from "./runner.ts";

export interface Formats {
  /** One row, `tables`: 0 where there is no format to be read. */
  readonly countSchemaTables: Statement;
  /** One row, `format`: what the database has reached, 0 for nothing. */
  readonly readFormat: Statement;
  /** What this version reads and writes. */
  readonly newest: number;
  /** Leads from a format to a later one. Another process may do so at the same time. */
  step(from: number, signal: AbortSignal): Promise<unknown>;
  /** What the operator may give a newer one: `a ledger of its own`. */
  readonly alternative: string;
}

/** Makes what is missing, whoever else does so at the same time. Tables of a newer Sluice are `unfit`. */
export async function migrate(runner: SqlRunner, formats: Formats, signal: AbortSignal): Promise<void> {
  let found = await formatOf(runner, formats, signal);
  while (found !== formats.newest) {
    const failure = await formats.step(found, signal).then(() => undefined, toFailure);
    // Another process may have been first: what fails then is looked at again.
    const reached = await formatOf(runner, formats, signal);
    if (failure !== undefined && reached === found) throw failure.error;
    found = reached;
  }
}

function toFailure(error: unknown): { readonly error: unknown } {
  return { error };
}

async function formatOf(runner: SqlRunner, formats: Formats, signal: AbortSignal): Promise<number> {
  const read = async (statement: Statement): Promise<Row> =>
    (await runner.read([statement], signal))[0]?.[0] ?? {};
  if (whole(await read(formats.countSchemaTables), "tables") === 0) return 0;
  const format = whole(await read(formats.readFormat), "format");
  if (format <= formats.newest) return format;
  throw runner.failure(
    "unfit",
    `its tables have format ${format}, made by a newer Sluice; this one knows ${formats.newest} at most: ` +
      `upgrade it, or give it ${formats.alternative}`,
  );
}
