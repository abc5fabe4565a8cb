/** The one table of what an API of entities refuses, in Kong's names and codes, which its clients tell apart by. */
import type { Path } from "../config/problem.ts";
import { isBlock } from "./complete.ts";

interface RefusalRow {
  /** As Kong numbers its errors. */
  readonly code: number;
  readonly name: string;
  readonly status: number;
}

export const refusalTable = {
  schema_violation: { code: 2, name: "schema violation", status: 400 },
  primary_key_violation: { code: 3, name: "primary key violation", status: 409 },
  foreign_key_violation: { code: 4, name: "foreign key violation", status: 400 },
  unique_violation: { code: 5, name: "unique constraint violation", status: 409 },
  not_found: { code: 6, name: "not found", status: 404 },
  invalid_offset: { code: 7, name: "invalid offset", status: 400 },
  database_error: { code: 8, name: "database error", status: 503 },
  invalid_size: { code: 9, name: "invalid size", status: 400 },
  unsupported: { code: 12, name: "operation unsupported", status: 405 },
  declarative: { code: 14, name: "invalid declarative configuration", status: 400 },
} as const satisfies Readonly<Record<string, RefusalRow>>;

export type RefusalKind = keyof typeof refusalTable;

/** A change or question that cannot be granted. Nothing was changed. */
export class Refusal extends Error {
  readonly kind: RefusalKind;
  /** Field → what is wrong with it, nested as the fields are. */
  readonly fields: Readonly<Record<string, unknown>> | undefined;

  constructor(
    kind: RefusalKind,
    message: string,
    fields?: Readonly<Record<string, unknown>>,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.kind = kind;
    this.fields = fields;
  }
}

/** What was asked for is good, but was not carried out. */
export function notCarriedOut(outcome: string, cause: unknown): Refusal {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Refusal("database_error", `${outcome}: ${reason}`, undefined, { cause });
}

export interface Fault {
  /** Within the entity. */
  readonly path: Path;
  readonly message: string;
}

/** Every fault at its field. */
export function schemaViolation(faults: readonly Fault[]): Refusal {
  const texts = faults.map(
    ({ message, path }) => `${path.length === 0 ? "" : `${path.join(".")}: `}${message}`,
  );
  const count = faults.length === 1 ? "schema violation" : `${faults.length} schema violations`;
  return new Refusal("schema_violation", `${count} (${texts.join("; ")})`, fieldsOf(faults));
}

/** `{name="a",service="b"}`, as Kong writes keys in messages. */
export function keyText(key: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(key)
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([field, value]) => `${field}=${value === null || value === undefined ? "null" : shown(value)}`);
  return `{${parts.join(",")}}`;
}

function shown(value: unknown): string {
  if (typeof value === "object" && value !== null) return keyText(value as Record<string, unknown>); // a reference
  return JSON.stringify(value);
}

/** Nested as the fields are; what is about the entity as a whole under `@entity`, as Kong has it. */
function fieldsOf(faults: readonly Fault[]): Readonly<Record<string, unknown>> {
  const about = faults.filter(({ path }) => path.length === 0).map(({ message }) => message);
  const fields = faults
    .filter(({ path }) => path.length > 0)
    .reduce((known, { message, path }) => withFault(known, path, message), {});
  return about.length === 0 ? fields : { "@entity": about, ...fields };
}

/** Never by assignment, which would set the prototype for a field called __proto__. */
function withFault(
  fields: Readonly<Record<string, unknown>>,
  [step = "", ...rest]: Path,
  message: string,
): Readonly<Record<string, unknown>> {
  const inner = Object.hasOwn(fields, step) ? fields[step] : undefined;
  if (rest.length > 0) return { ...fields, [step]: withFault(isBlock(inner) ? inner : {}, rest, message) };
  return { ...fields, [step]: typeof inner === "string" ? `${inner}; ${message}` : (inner ?? message) };
}
