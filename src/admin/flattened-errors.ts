/** What is wrong with a declarative configuration, entity by entity: `POST /config?flatten_errors=1`. */
import { parse } from "yaml";
import { isBlock } from "../control/complete.ts";
import { type Kind, kindOf, kinds } from "../control/kinds.ts";

type Block = Readonly<Record<string, unknown>>;

interface FlatError {
  readonly type: "field" | "entity";
  /** With its blocks, by dots; none where the entity as a whole is meant. */
  readonly field?: string;
  readonly message: string;
}

/** An entity as the text has it, told by what it can be told by, and what is wrong with it. */
interface FlattenedError {
  readonly entity_type: string;
  readonly entity_id?: string;
  readonly entity_name?: string;
  readonly entity_tags?: readonly string[];
  readonly errors: readonly FlatError[];
}

export interface Flattened {
  readonly flattened_errors: readonly FlattenedError[];
  /** What is about no entity. */
  readonly fields: Block;
}

/** `fields` are nested as the text is. Unlike Kong's, the errors leave out the entities: these may hold secrets. */
export function flattened(text: string, fields: Block): Flattened {
  const content = contentOf(text);
  const entries = Object.entries(fields);
  const listed = entries.filter(([name, faults]) => kindNamed(name) !== undefined && isBlock(faults));
  return {
    flattened_errors: listed.flatMap(([name, faults]) =>
      inList(kindNamed(name), faults, isBlock(content) ? content[name] : undefined),
    ),
    fields: Object.fromEntries(entries.filter((entry) => !listed.includes(entry))),
  };
}

/** Undefined where it cannot be parsed: then no error is an entity's. */
function contentOf(text: string): unknown {
  try {
    // As the loader reads it: merge keys fill in, and a field that is there twice is a fault of its own.
    return parse(text, { merge: true, uniqueKeys: false, logLevel: "error" });
  } catch {
    return undefined;
  }
}

function kindNamed(plural: string): Kind | undefined {
  return kinds.find((kind) => kind.plural === plural);
}

function inList(kind: Kind | undefined, faults: unknown, list: unknown): readonly FlattenedError[] {
  if (kind === undefined || !isBlock(faults)) return [];
  return Object.entries(faults).flatMap(([index, inner]) =>
    inEntity(kind, inner, Array.isArray(list) ? list[Number(index)] : undefined),
  );
}

/** Of the entity itself, then of those nested in it. */
function inEntity(kind: Kind, faults: unknown, given: unknown): readonly FlattenedError[] {
  const entity = isBlock(given) ? given : {};
  const own = isBlock(faults) ? Object.entries(faults) : [["@entity", faults] as const];
  const isNested = ([field, inner]: readonly [string, unknown]) =>
    Object.hasOwn(kind.entity.children ?? {}, field) && isBlock(inner);
  const errors = own.filter((entry) => !isNested(entry)).flatMap(([field, inner]) => errorsOf(field, inner));
  const nested = own
    .filter(isNested)
    .flatMap(([field, inner]) => inList(kindOf(kind.entity.children?.[field] ?? ""), inner, entity[field]));
  return errors.length === 0 ? nested : [{ ...namesOf(kind, entity), errors }, ...nested];
}

function namesOf({ name, nameField = "name" }: Kind, entity: Block) {
  const { id, tags } = entity;
  const called = entity[nameField];
  return {
    entity_type: name,
    ...(typeof id === "string" && { entity_id: id }),
    ...(typeof called === "string" && { entity_name: called }),
    ...(Array.isArray(tags) && { entity_tags: tags.map(String) }),
  };
}

function errorsOf(field: string, faults: unknown): readonly FlatError[] {
  if (isBlock(faults))
    return Object.entries(faults).flatMap(([inner, each]) => errorsOf(`${field}.${inner}`, each));
  const messages = Array.isArray(faults) ? faults : [faults];
  return messages.map((message) =>
    field === "@entity"
      ? { type: "entity", message: String(message) }
      : { type: "field", field, message: String(message) },
  );
}
