/** Takes out of a file what would be refused, the smallest whole thing at a time, until the rest loads. */
import { entityLists } from "../../config/collect.ts";
import { entities } from "../../config/entities/index.ts";
import type { Entity } from "../../config/entity.ts";
import { formatPath, type Path } from "../../config/problem.ts";
import { consequenceOf } from "./absence.ts";
import type { PlacedProblem } from "./checked.ts";
import type { Finding } from "./findings.ts";
import type { SourceDocument } from "./source-document.ts";

interface Unit {
  readonly path: Path;
  readonly problem: PlacedProblem;
}

/** Findings in the order things were left out. Throws when an error is about nothing that could be. */
export function leaveOut(
  document: SourceDocument,
  problemsNow: () => readonly PlacedProblem[],
): readonly Finding[] {
  const findings: Finding[] = [];
  for (;;) {
    const errors = problemsNow().filter(({ severity }) => severity === "error");
    if (errors.length === 0) return findings;
    const units = outermost(errors.map((problem) => ({ path: unitOf(problem), problem })));
    for (const { path } of units) {
      const of = errors.filter(({ steps }) => isWithin(steps, path));
      findings.push(...describe(of, path, document));
    }
    // From the end, so that positions in lists hold until it is their turn.
    for (const { path, problem } of [...units].reverse()) takeOut(path, problem, document);
  }
}

function takeOut(path: Path, { message, path: place }: PlacedProblem, document: SourceDocument): void {
  const { line } = document.placeOf(path);
  const at = line === undefined ? "" : `, line ${line} of the source`;
  const consequence = consequenceOf(entityAt(path), document.value(path));
  const comment = [`left out by sluice convert (${subject(path, document)}${at}): ${message}`, consequence]
    .filter((part) => part !== undefined)
    .map((part) => ` ${part}`)
    .join("\n");
  if (path.length === 0 || !document.remove(path, comment))
    throw new Error(`cannot leave out what is wrong at ${place || "the top"}: ${message}`);
}

/** The errors of what is left out; what its absence means is said with the first. */
function describe(
  errors: readonly PlacedProblem[],
  unit: Path,
  document: SourceDocument,
): readonly Finding[] {
  const leftOut = subject(unit, document);
  return errors.map(({ message, steps }, index) => {
    const { column, line, path } = document.placeOf(steps);
    const consequence = index === 0 ? consequenceOf(entityAt(unit), document.value(unit)) : undefined;
    return { group: "unsupported", path: formatPath(path), line, column, message, leftOut, consequence };
  });
}

/** What goes with a problem: a field nobody knows alone, else the whole entity, since part of it would mean another thing. */
function unitOf({ message, steps }: PlacedProblem): Path {
  const owner = entityPath(steps);
  if (owner.length === 0) return steps.slice(0, 1);
  if (message.startsWith("unknown field") || message.startsWith("is given twice")) return steps;
  if (steps[owner.length] === "ordering") return steps.slice(0, owner.length + 1);
  const field = String(steps[owner.length]);
  const isReference = entityAt(owner)?.references?.[field] !== undefined && field !== "partials";
  if (isReference && typeof steps[owner.length + 1] === "number") return steps.slice(0, owner.length + 2);
  return owner;
}

/** Path of the innermost entity around a place; empty where there is none. */
function entityPath(steps: Path): Path {
  let entity = entityLists.get(String(steps[0]));
  if (entity === undefined || typeof steps[1] !== "number") return [];
  let length = 2;
  for (;;) {
    const inner = childOf(entity, steps[length]);
    if (inner === undefined || typeof steps[length + 1] !== "number") return steps.slice(0, length);
    entity = inner;
    length += 2;
  }
}

function entityAt(path: Path): Entity | undefined {
  if (path.length === 0 || path.length % 2 !== 0) return undefined;
  let entity = entityLists.get(String(path[0]));
  for (let at = 2; at < path.length && entity !== undefined; at += 2) entity = childOf(entity, path[at]);
  return entity;
}

function childOf(entity: Entity | undefined, field: Path[number] | undefined): Entity | undefined {
  const name = entity?.children?.[String(field)];
  return (entities as unknown as readonly Entity[]).find((each) => each.name === name); // `check` is not called here
}

function subject(path: Path, document: SourceDocument): string {
  const entity = entityAt(path);
  const last = path.at(-1);
  if (entity === undefined) return typeof last === "number" ? `one of ${path.at(-2)}` : `field ${last}`;
  const value = document.value(path);
  const fields = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}; // just seen
  const name = fields[entity.nameField ?? "name"] ?? fields["name"] ?? fields["username"];
  return [entity.name.replaceAll("_", " "), ...(typeof name === "string" ? [name] : [])].join(" ");
}

/** Without units inside others, and each once. */
function outermost(units: readonly Unit[]): readonly Unit[] {
  const unique = units.filter(
    ({ path }, index) => units.findIndex((other) => isSame(other.path, path)) === index,
  );
  return unique
    .filter(
      ({ path }) => !unique.some((other) => other.path.length < path.length && isWithin(path, other.path)),
    )
    .sort((one, other) => compare(one.path, other.path));
}

function isSame(one: Path, other: Path): boolean {
  return one.length === other.length && isWithin(one, other);
}

function isWithin(path: Path, outer: Path): boolean {
  return outer.every((step, index) => path[index] === step);
}

/** Positions of a list by number; what is in one block keeps together. */
function compare(one: Path, other: Path): number {
  for (const [index, step] of one.entries()) {
    const rival = other[index];
    if (step === rival) continue;
    if (typeof step === "number" && typeof rival === "number") return step - rival;
    return String(step) < String(rival) ? -1 : 1;
  }
  return one.length - other.length;
}
