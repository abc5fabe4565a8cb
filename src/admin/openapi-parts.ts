/** What the parts of the OpenAPI document are put together with. */

/** A piece of the document. */
export type Json = Readonly<Record<string, unknown>>;

/** Path → method in lower case → operation. */
export type Paths = Readonly<Record<string, Readonly<Record<string, Json>>>>;

export function pointerTo(part: "schemas" | "parameters" | "responses", name: string): Json {
  return { $ref: `#/components/${part}/${name}` };
}

export function jsonOf(schema: Json): Json {
  return { "application/json": { schema } };
}

/** A good answer. */
export function answer(description: string, schema: Json): Json {
  return { description, content: jsonOf(schema) };
}

export function bodyOf(description: string, schema: Json): Json {
  return { description, required: true, content: jsonOf(schema) };
}

export function block(properties: Json, required: readonly string[] = Object.keys(properties)): Json {
  return { type: "object", properties, ...(required.length > 0 && { required }) };
}

export function listOf(items: Json): Json {
  return { type: "array", items };
}

/** Refusals, by status, as the document's components have them. */
const refusals = {
  "400": "bad-request",
  "404": "not-found",
  "405": "not-writable",
  "409": "conflict",
  "413": "too-large",
  "503": "unavailable",
} as const;

/** Every answer but the good one. Without a token, or with a wrong one, all operations answer 401. */
export function refused(...statuses: readonly (keyof typeof refusals)[]): Json {
  const own = statuses.map((status) => [status, pointerTo("responses", refusals[status])] as const);
  return { ...Object.fromEntries(own), "401": pointerTo("responses", "unauthorized") };
}
