/** What is wrong with a config file, and where. */

export interface Problem {
  /** error: the file is refused · warning: probably a mistake · notice: accepted, but not acted on. */
  readonly severity: "error" | "warning" | "notice";
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** E.g. `services[0].routes[0].plugins[0].config.targets[2].weight`; "" for the file as a whole. */
  readonly path: string;
  /** The same, step by step. */
  readonly steps: Path;
  readonly message: string;
  /**
   * What of the place is at fault. name: that it is there at all · reference: what stands for its value · value: the rest,
   * for which it matters what variables hold.
   */
  readonly about: "name" | "reference" | "value";
}

export type Severity = Problem["severity"];

/** Steps from the file's top to a value: field names and list positions. */
export type Path = readonly (string | number)[];

/** `file:line:column: error: path: message`, which editors and terminals turn into a link. */
export function formatProblem({ file, line, column, severity, path, message }: Problem): string {
  return `${file}:${line}:${column}: ${severity}: ${path === "" ? "" : `${path}: `}${message}`;
}

/** `services[0].name`; names that are not plain words are quoted. */
export function formatPath(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    if (!/^[\w-]+$/.test(step)) return `${text}[${JSON.stringify(step)}]`;
    return text === "" ? step : `${text}.${step}`;
  }, "");
}

/** By place in the file; at one place the gravest first. */
export function sortProblems(problems: readonly Problem[]): readonly Problem[] {
  const grades = ["error", "warning", "notice"];
  return [...problems].sort(
    (left, right) =>
      left.line - right.line ||
      left.column - right.column ||
      grades.indexOf(left.severity) - grades.indexOf(right.severity),
  );
}
