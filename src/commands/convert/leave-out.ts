/** Takes out of a file what would be refused, the smallest whole thing at a time, until the rest loads. */
import { entityLists } from "../../config/collect.ts";
import { entities } from "../../config/entities/index.ts";
import { type Entity, entitySchema } from "../../config/entity.ts";
import { fieldSchema } from "../../config/field-schema.ts";
import { formatPath, type Path, type Problem } from "../../config/problem.ts";
import { consequenceOf } from "./absence.ts";
import type { Finding } from "./findings.ts";
import type { SourceDocument } from "./source-document.ts";

/** What goes as a whole, and why. */
interface Unit {
  readonly path: Path;
  readonly problems: readonly [Problem, ...Problem[]];
}

/** Findings in the order things were left out. Throws when an error is about nothing that could be. */
export function leaveOut(
  document: SourceDocument,
  problemsNow: () => readonly Problem[],
): readonly Finding[] {
  const findings: Finding[] = [];
  for (;;) {
    const errors = problemsNow().filter(({ severity }) => severity === "error");
    if (errors.length === 0) return findings;
    const units = outermost(errors);
    for (const unit of units) findings.push(...describe(unit, document));
    // From the end, so that positions in lists hold until it is their turn.
    for (const unit of [...units].reverse()) takeOut(unit, document);
  }
}

function takeOut({ path, problems: [{ message, path: place }] }: Unit, document: SourceDocument): void {
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
function describe({ path: unit, problems }: Unit, document: SourceDocument): readonly Finding[] {
  const leftOut = subject(unit, document);
  return problems.map(({ message, steps }, index) => {
    const { column, line, path } = document.placeOf(steps);
    const consequence = index === 0 ? consequenceOf(entityAt(unit), document.value(unit)) : undefined;
    return { group: "unsupported", path: formatPath(path), line, column, message, leftOut, consequence };
  });
}

/** What goes with a problem: a field nobody knows alone, else the whole entity, since part of it would mean another thing. */
function unitOf({ about, steps }: Problem): Path {
  const owner = entityPath(steps);
  if (owner.length === 0) return steps.slice(0, 1);
  if (about === "name") return steps;
  if (steps[owner.length] === "ordering") return steps.slice(0, owner.length + 1);
  const isOne = typeof steps[owner.length + 1] === "number";
  return isOne && isMembership(entityAt(owner), String(steps[owner.length]))
    ? steps.slice(0, owner.length + 2)
    : owner;
}

/** A list that only files have is their way of ties between entities, each of which is one by itself. */
function isMembership(entity: Entity | undefined, field: string): boolean {
  if (entity?.references?.[field] === undefined) return false;
  return fieldSchema(entitySchema(entity)).properties?.[field]?.fileOnly === true;
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

/** Units that are in no other, by place, each with every problem that goes with it. */
function outermost(errors: readonly Problem[]): readonly Unit[] {
  const units = new Map(errors.map((problem) => [formatPath(unitOf(problem)), unitOf(problem)]));
  const found = new Map<string, { path: Path; problems: [Problem, ...Problem[]] }>();
  for (const problem of errors) {
    const whole = unitOf(problem);
    const lengths = Array.from({ length: whole.length }, (_, index) => index + 1);
    const length = lengths.find((each) => units.has(formatPath(whole.slice(0, each)))) ?? whole.length;
    const path = whole.slice(0, length);
    const key = formatPath(path);
    const unit = found.get(key);
    if (unit === undefined) found.set(key, { path, problems: [problem] });
    else unit.problems.push(problem);
  }
  return [...found.values()].sort((one, other) => compare(one.path, other.path));
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
