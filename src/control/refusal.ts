/** The one table of what an API of entities refuses, in Kong's names and codes, which its clients tell apart by. */

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
