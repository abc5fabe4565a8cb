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
  "401": "unauthorized",
  "403": "forbidden",
  "404": "not-found",
  "405": "not-writable",
  "409": "conflict",
  "413": "too-large",
  "503": "unavailable",
} as const;

/** Every answer but the good one; those to who may not ask are among them. */
export function refused(...statuses: readonly (keyof typeof refusals)[]): Json {
  const all = [...statuses, "401", "403"] as const;
  return Object.fromEntries(all.map((status) => [status, pointerTo("responses", refusals[status])]));
}

/** One page of a list, and where the next is. */
export function pageSchema(items: Json): Json {
  return block(
    {
      data: listOf(items),
      next: { type: ["string", "null"], description: "Path of the next page; null at the last." },
      offset: { type: "string", description: "What `offset` is to be for the next page." },
    },
    ["data", "next"],
  );
}
