/** Rules over several settings at once, in the words Kong's users know. Pure; shared by the families' option blocks. */

/** What is wrong, and where, relative to the block that was checked. */
export interface OptionFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

type Block = Readonly<Record<string, unknown>> | undefined;

/** One fault for each of `fields` that `block` leaves out: `must set 'model.options.x' for y provider`. */
export function required(
  block: Block,
  fields: readonly string[],
  at: readonly string[],
  owner: string,
): readonly OptionFault[] {
  return fields
    .filter((field) => block?.[field] === undefined)
    .map((field) => ({ path: [...at, field], message: `must set ${quoted(at, field)} for ${owner}` }));
}

/** A fault when some but not all of `fields` are set. */
export function allOrNone(
  block: Block,
  fields: readonly string[],
  at: readonly string[],
): readonly OptionFault[] {
  const missing = fields.filter((field) => block?.[field] === undefined);
  const [first] = missing;
  if (first === undefined || missing.length === fields.length) return [];
  const names = fields.map((field) => quoted(at, field)).join(", ");
  return [{ path: [...at, first], message: `all or none of these fields must be set: ${names}` }];
}

/** Prefixes the paths of faults found in an inner block. */
export function within(
  at: readonly (string | number)[],
  faults: readonly OptionFault[],
): readonly OptionFault[] {
  return faults.map((fault) => ({ path: [...at, ...fault.path], message: fault.message }));
}

function quoted(at: readonly string[], field: string): string {
  return `'${[...at, field].join(".")}'`;
}
