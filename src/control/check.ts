/** Checks entities as a whole, and tells what is wrong in the terms of whoever changed one of them. */
import type { Config } from "../config/config.ts";
import { type LoadOptions, loadDocument, type Problem } from "../config/load.ts";
import { documentOf, type EntityDocument } from "./document.ts";
import type { EntitySet, Stored } from "./entity-set.ts";
import { type Fault, Refusal, schemaViolation } from "./refusal.ts";

export type CheckOptions = Pick<LoadOptions, "env" | "plugins">;

export interface Checked {
  readonly config: Config;
  /** What the config was made from, in Kong's declarative format. */
  readonly content: Readonly<Record<string, unknown>>;
  /** Warnings and notices. */
  readonly problems: readonly Problem[];
}

/** Entities that cannot be served as they are. */
export class UnservableRefusal extends Refusal {
  /** Faults of all of them together. */
  readonly count: number;

  constructor({ fields, kind, message }: Refusal, count: number) {
    super(kind, message, fields);
    this.count = count;
  }
}

/** Throws an `UnservableRefusal` whose fields are those of the touched entity, where that is at fault. */
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
  throw new UnservableRefusal(schemaViolation(faults), errors.length);
}

interface Step {
  readonly before: EntitySet;
  readonly next: EntitySet;
  /** What is different between the two. */
  readonly touched: readonly Stored[];
}

/**
 * Many faults, as another gateway or an older version may leave them, are mended one by one: a change that leaves fewer of
 * them is allowed, with what remains, and not served while there are any. Throws like `checkEntities`.
 */
export function checkOrMend(
  { before, next, touched }: Step,
  options: CheckOptions,
): { readonly checked?: Checked; readonly remaining?: string } {
  try {
    return { checked: checkEntities(next, touched, options) };
  } catch (error) {
    if (!(error instanceof UnservableRefusal) || error.count >= faultsOf(before, options)) throw error;
    return { remaining: error.message };
  }
}

function faultsOf(entities: EntitySet, options: CheckOptions): number {
  try {
    checkEntities(entities, [], options);
    return 0;
  } catch (error) {
    if (error instanceof UnservableRefusal) return error.count;
    throw error;
  }
}

function faultOf({ message, path, steps }: Problem, document: EntityDocument, isOwn: boolean): Fault {
  const place = document.locate(steps);
  if (place === undefined) return { path: steps, message };
  if (isOwn) return { path: place.rest, message };
  const { kind, record } = place;
  const rest = place.rest.length === 0 ? "" : `${place.rest.join(".")}: `;
  return { path: [], message: `${kind.plural} ${record.id}: ${rest}${message} (${path})` };
}
