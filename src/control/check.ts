/** Checks entities as a whole, and tells what is wrong in the terms of whoever changed one of them. */
import type { Config } from "../config/config.ts";
import { type LoadOptions, loadDocument, type Problem } from "../config/load.ts";
import type { Path } from "../config/problem.ts";
import { isBlock } from "./complete.ts";
import { documentOf, type EntityDocument } from "./document.ts";
import type { EntitySet, Stored } from "./entity-set.ts";
import { Refusal } from "./refusal.ts";

export type CheckOptions = Pick<LoadOptions, "env" | "plugins">;

export interface Checked {
  readonly config: Config;
  /** What the config was made from, in Kong's declarative format. */
  readonly content: Readonly<Record<string, unknown>>;
  /** Warnings and notices. */
  readonly problems: readonly Problem[];
}

/** Throws a `Refusal` whose fields are those of the touched entity, where that is at fault. */
export function checkEntities(
  entities: EntitySet,
  touched: readonly Stored[],
  options: CheckOptions,
): Checked {
  const document = documentOf(entities);
  const { config, problems } = loadDocument(document.content, { ...options, file: "entities" });
  if (config !== undefined) return { config, content: document.content, problems };
  const errors = problems.filter(({ severity }) => severity === "error");
  const keys = new Set(touched.map(({ id, kind }) => `${kind} ${id}`));
  const isTouched = ({ steps }: Problem) => {
    const place = document.locate(steps);
    return place !== undefined && keys.has(`${place.kind.name} ${place.record.id}`);
  };
  const own = errors.filter(isTouched);
  const faults = (own.length > 0 ? own : errors).map((problem) => faultOf(problem, document, own.length > 0));
  throw schemaViolation(faults);
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

function faultOf({ message, path, steps }: Problem, document: EntityDocument, isOwn: boolean): Fault {
  const place = document.locate(steps);
  if (place === undefined) return { path: steps, message };
  if (isOwn) return { path: place.rest, message };
  const { kind, record } = place;
  const rest = place.rest.length === 0 ? "" : `${place.rest.join(".")}: `;
  return { path: [], message: `${kind.plural} ${record.id}: ${rest}${message} (${path})` };
}

/** Nested as the fields are; what is about the entity as a whole under `@entity`, as Kong has it. */
function fieldsOf(faults: readonly Fault[]): Readonly<Record<string, unknown>> {
  const fields: Record<string, unknown> = {};
  for (const { message, path } of faults) {
    if (path.length === 0)
      fields["@entity"] = [...((fields["@entity"] as string[] | undefined) ?? []), message];
    else setAt(fields, path, message);
  }
  return fields;
}

function setAt(fields: Record<string, unknown>, path: Path, message: string): void {
  const [step = "", ...rest] = path;
  const inner = fields[step];
  if (rest.length === 0) {
    fields[step] = typeof inner === "string" ? `${inner}; ${message}` : (inner ?? message);
    return;
  }
  const block: Record<string, unknown> = isBlock(inner) ? { ...inner } : {};
  setAt(block, rest, message);
  fields[step] = block;
}
