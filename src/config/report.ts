/** Collects problems, and finds out where in the file each belongs. */
import { formatPath, type Path, type Problem, type Severity, sortProblems } from "./problem.ts";
import { originalOffset, type Substitution } from "./substitution.ts";
import type { ConfigNode } from "./tree.ts";

export interface Report {
  /** At the value of `path`, or at the nearest block above it where there is no such value. */
  add(severity: Severity, path: Path, message: string): void;
  /** At the name of the field `path`, which is at fault. */
  addAtName(severity: Severity, path: Path, message: string): void;
  /** At the value of `path`, which is a reference that leads to nothing. */
  addReference(path: Path, message: string): void;
  /** At an offset of the substituted text. */
  addAt(severity: Severity, offset: number, path: Path, message: string): void;
  /** Line of a value, for messages about two places. */
  lineOf(path: Path): number;
  readonly hasErrors: () => boolean;
  /** By place in the file. */
  readonly problems: () => readonly Problem[];
}

export interface ReportOptions {
  readonly file: string;
  /** The file as it was read. */
  readonly text: string;
  readonly substitutions: readonly Substitution[];
  readonly root: ConfigNode | undefined;
}

export function createReport({ file, root, substitutions, text }: ReportOptions): Report {
  const problems: Problem[] = [];
  const lineStarts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lineStarts.push(at + 1);

  function locate(offset: number): { line: number; column: number } {
    const original = Math.min(originalOffset(offset, substitutions), text.length);
    const line = countUpTo(lineStarts, original);
    return { line, column: original - (lineStarts[line - 1] ?? 0) + 1 };
  }

  function push(offset: number, told: Pick<Problem, "severity" | "steps" | "message" | "about">): void {
    problems.push({ file, ...locate(offset), path: formatPath(told.steps), ...told });
  }

  return {
    add: (severity, steps, message) =>
      push(valueOffset(nearest(root, steps)), { severity, steps, message, about: "value" }),
    addAtName: (severity, steps, message) =>
      push(nameOffset(nearest(root, steps)), { severity, steps, message, about: "name" }),
    addReference: (steps, message) =>
      push(valueOffset(nearest(root, steps)), { severity: "error", steps, message, about: "reference" }),
    addAt: (severity, offset, steps, message) => push(offset, { severity, steps, message, about: "value" }),
    lineOf: (path) => locate(nameOffset(nearest(root, path))).line,
    hasErrors: () => problems.some(({ severity }) => severity === "error"),
    problems: () => sortProblems(problems),
  };
}

/** The node at `path`, or the innermost one on the way to it. */
function nearest(root: ConfigNode | undefined, path: Path): ConfigNode | undefined {
  let node = root;
  for (const step of path) {
    const next = childOf(node, step);
    if (next === undefined) return node;
    node = next;
  }
  return node;
}

/** The node at `path`, if there is one. */
export function nodeAt(root: ConfigNode | undefined, path: Path): ConfigNode | undefined {
  return path.reduce<ConfigNode | undefined>((node, step) => childOf(node, step), root);
}

function childOf(node: ConfigNode | undefined, step: string | number): ConfigNode | undefined {
  if (node?.kind === "list" && typeof step === "number") return node.items[step];
  return node?.kind === "map" ? node.entries.get(String(step)) : undefined;
}

/** A block begins on the line of its name, which is where one looks for it. */
function valueOffset(node: ConfigNode | undefined): number {
  return node?.kind === "scalar" ? node.offset : nameOffset(node);
}

function nameOffset(node: ConfigNode | undefined): number {
  return node?.keyOffset ?? node?.offset ?? 0;
}

/** How many of the ascending `starts` are at most `offset`. */
function countUpTo(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
